import { clusterServicePortName, type ServiceDirectory, type ServicePortName } from '@edgeway/core'

/** As label: the name is of no Service of the cluster. Other nodes may name what they like. */
export const UNKNOWN_SERVICE = 'unknown'

/** As label: one more Service than have a label of their own. */
export const OTHER_SERVICE = 'other'

/** Time series never go away while the process lives, so neither do labels that were once given. */
const MAX_LABELS = 500

/** Values of the label `service`: bounded, however many Services come and go. */
export class ServiceLabels {
  readonly #services: Pick<ServiceDirectory, 'servicePort'>
  readonly #max: number
  readonly #given = new Set<ServicePortName>()

  /** @param max - ServicePorts with a label of their own; the first ones that are asked for */
  constructor(services: Pick<ServiceDirectory, 'servicePort'>, max = MAX_LABELS) {
    this.#services = services
    this.#max = max
  }

  labelOf(service: ServicePortName | undefined): string {
    if (service === undefined) return UNKNOWN_SERVICE
    if (this.#given.has(service)) return service
    // A virtual ServicePort is known on nodes from which its endpoint is far, but not on the endpoint's own.
    const known = [service, clusterServicePortName(service)].find((name) => this.#isKnown(name))
    return known === undefined ? UNKNOWN_SERVICE : this.#give(known)
  }

  #isKnown(name: ServicePortName): boolean {
    return this.#services.servicePort(name) !== undefined
  }

  #give(label: ServicePortName): string {
    if (this.#given.has(label)) return label
    if (this.#given.size >= this.#max) return OTHER_SERVICE
    this.#given.add(label)
    return label
  }
}
