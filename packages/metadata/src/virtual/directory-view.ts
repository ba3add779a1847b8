import type {
  Endpoint,
  EndpointAddress,
  Protocol,
  Service,
  ServiceDirectory,
  ServicePort,
  ServicePortName,
} from '@edgeway/core'

/** Answers as another directory does, but for what its heirs see otherwise. */
export class DirectoryView implements ServiceDirectory {
  protected readonly directory: ServiceDirectory

  constructor(directory: ServiceDirectory) {
    this.directory = directory
  }

  get loaded(): boolean {
    return this.directory.loaded
  }

  whenLoaded(signal: AbortSignal): Promise<void> {
    return this.directory.whenLoaded(signal)
  }

  service(namespace: string, name: string): Service | undefined {
    return this.directory.service(namespace, name)
  }

  hasNamespace(namespace: string): boolean {
    return this.directory.hasNamespace(namespace)
  }

  servicePorts(): Iterable<ServicePort> {
    return this.directory.servicePorts()
  }

  servicePort(name: ServicePortName): ServicePort | undefined {
    return this.directory.servicePort(name)
  }

  serviceOf(name: ServicePortName): Service | undefined {
    return this.directory.serviceOf(name)
  }

  lookup(ip: string, port: number, protocol: Protocol): ServicePort | undefined {
    return this.directory.lookup(ip, port, protocol)
  }

  lookupNodePort(port: number, protocol: Protocol): ServicePort | undefined {
    return this.directory.lookupNodePort(port, protocol)
  }

  endpoints(name: ServicePortName): readonly Endpoint[] {
    return this.directory.endpoints(name)
  }

  /** Other nodes ask for endpoints by their own addresses. */
  hasEndpoint(endpoint: EndpointAddress): boolean {
    return this.directory.hasEndpoint(endpoint)
  }

  presentAddress(endpoint: EndpointAddress): EndpointAddress {
    return this.directory.presentAddress(endpoint)
  }

  watch(listener: (changed: ServicePortName) => void): Disposable {
    return this.directory.watch(listener)
  }
}
