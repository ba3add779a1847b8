import {
  declaredProtocol,
  type Endpoint,
  layerOf,
  type Service,
  type ServiceDirectory,
  type ServicePort,
} from '@edgeway/core'

/**
 * How connections to a ServicePort are begun. `l4`: at once. `tls`: once the client has said which server it wants. `l7`: once
 * it is known whether HTTP is spoken.
 */
export type Treatment = 'l4' | 'tls' | 'l7'

export interface PortTreatment {
  readonly treatment: Treatment
  /** Somebody says that HTTP is spoken there. */
  readonly declaresHttp: boolean
}

interface Known {
  readonly service: Service
  readonly endpoints: readonly Endpoint[]
  readonly treatment: PortTreatment
}

const HTTP: ReadonlySet<string | undefined> = new Set(['http', 'http2', 'grpc'])

/** Decides it once for each ServicePort, as long as that, its Service and its endpoints are what they were. */
export class PortTreatments {
  readonly #services: Pick<ServiceDirectory, 'endpoints'>
  readonly #known = new WeakMap<ServicePort, Known>()

  constructor(services: Pick<ServiceDirectory, 'endpoints'>) {
    this.#services = services
  }

  of(port: ServicePort, service: Service): PortTreatment {
    const endpoints = this.#services.endpoints(port.name)
    const known = this.#known.get(port)
    if (known?.service === service && known.endpoints === endpoints) return known.treatment
    const treatment = treatmentOf(port, service, endpoints.length)
    this.#known.set(port, { service, endpoints, treatment })
    return treatment
  }
}

function treatmentOf(port: ServicePort, service: Service, endpointCount: number): PortTreatment {
  const declared = declaredProtocol(port, service.annotations)
  const declaresHttp = HTTP.has(declared)
  if (layerOf({ port, service, endpointCount }) === 'l7') return { treatment: 'l7', declaresHttp }
  return { treatment: declared === 'tls' ? 'tls' : 'l4', declaresHttp }
}
