import type {
  Endpoint,
  Protocol,
  Service,
  ServiceDirectory,
  ServicePort,
  ServicePortName,
} from '@edgeway/core'
import { DirectoryView } from './directory-view.ts'
import type { HeadlessServices } from './headless-services.ts'

/**
 * The directory for those who carry connections: besides the cluster's there are virtual ServicePorts, each for one endpoint
 * of a headless Service. `service` knows the cluster's only.
 */
export class CallableServices extends DirectoryView {
  readonly #headless: HeadlessServices

  constructor(directory: ServiceDirectory, headless: HeadlessServices) {
    super(directory)
    this.#headless = headless
  }

  override *servicePorts(): Iterable<ServicePort> {
    yield* this.directory.servicePorts()
    for (const { port } of this.#headless.ports()) yield port
  }

  override servicePort(name: ServicePortName): ServicePort | undefined {
    return this.directory.servicePort(name) ?? this.#headless.port(name)?.port
  }

  override serviceOf(name: ServicePortName): Service | undefined {
    return this.directory.serviceOf(name) ?? this.#headless.port(name)?.service
  }

  /** A ClusterIP comes first; an external IP takes nothing from a virtual address (CVE-2020-8554). */
  override lookup(ip: string, port: number, protocol: Protocol): ServicePort | undefined {
    const found = this.directory.lookup(ip, port, protocol)
    if (found?.clusterIps.includes(ip) === true) return found
    return this.#headless.lookup(ip, port, protocol)?.port ?? found
  }

  override endpoints(name: ServicePortName): readonly Endpoint[] {
    return this.#headless.port(name)?.endpoints ?? this.directory.endpoints(name)
  }

  override watch(listener: (changed: ServicePortName) => void): Disposable {
    return this.#headless.portChanges.watch(listener)
  }
}
