import {
  clusterServicePortName,
  type Logger,
  type ServiceDirectory,
  type ServicePortName,
  wishProblems,
} from '@edgeway/core'

/** Tells once of each Service of whose `edgeway.io` annotations some have no effect, and again when they changed. */
export class AnnotationAdvice {
  readonly #services: Pick<ServiceDirectory, 'serviceOf' | 'servicePorts'>
  readonly #warn: Logger['warn']
  /** By namespace and name of the Service. */
  readonly #told = new Map<string, string>()

  constructor(services: Pick<ServiceDirectory, 'serviceOf' | 'servicePorts'>, warn: Logger['warn']) {
    this.#services = services
    this.#warn = warn
  }

  lookAtAll(): void {
    for (const { name } of this.#services.servicePorts()) this.look(name)
  }

  look(name: ServicePortName): void {
    // A virtual one has its wishes of the Service itself, of which they are told.
    if (clusterServicePortName(name) !== name) return
    const service = this.#services.serviceOf(name)
    if (service === undefined) return
    const key = `${service.namespace}/${service.name}`
    const problems = wishProblems(service)
    const text = problems.join('; ')
    if ((this.#told.get(key) ?? '') === text) return
    if (text === '') this.#told.delete(key)
    else this.#told.set(key, text)
    if (text !== '') this.#warn('annotations of a Service have no effect', { service: key, problems })
  }
}
