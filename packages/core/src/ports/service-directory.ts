import type { Endpoint, EndpointAddress } from '../model/endpoint.ts'
import type { Protocol } from '../model/protocol.ts'
import type { Service, ServicePort, ServicePortName } from '../model/service.ts'

/**
 * The mesh's view of the cluster's Services, for reading. Answers come from memory: no call waits for the API
 * server, so it also holds while the edge node is offline.
 *
 * Implemented by `ClusterDirectory` (metadata) and `FakeServiceDirectory` (testbed); both pass
 * `serviceDirectoryContract`.
 */
export interface ServiceDirectory {
  /** False until a first list (or snapshot) filled the directory: until then, absence means "not known yet". */
  readonly loaded: boolean

  /** Resolves once `loaded` is true; rejects when `signal` aborts before. */
  whenLoaded(signal: AbortSignal): Promise<void>

  service(namespace: string, name: string): Service | undefined

  /** True when the cluster has at least one Service in that namespace. */
  hasNamespace(namespace: string): boolean

  /** Every ServicePort of the cluster, headless ones included, in no particular order. */
  servicePorts(): Iterable<ServicePort>

  servicePort(name: ServicePortName): ServicePort | undefined

  /** The Service that the ServicePort is of. */
  serviceOf(name: ServicePortName): Service | undefined

  /** The ServicePort behind that ClusterIP, external or load balancer's IP and port, or `undefined` where no Service owns it. */
  lookup(ip: string, port: number, protocol: Protocol): ServicePort | undefined

  /** The ServicePort behind that port of each node's own addresses, or `undefined` where no Service owns it. */
  lookupNodePort(port: number, protocol: Protocol): ServicePort | undefined

  /** All endpoints, ready or not, in a stable order; empty when there are none. The array is never mutated. */
  endpoints(name: ServicePortName): readonly Endpoint[]

  /** True when any Service lists that endpoint, in any condition. Compares node, ip, port and protocol. */
  hasEndpoint(endpoint: EndpointAddress): boolean

  /**
   * Where an endpoint of this node is reached now. Others may still know it by the address that its pod had before this
   * node was cut off from the cluster.
   */
  presentAddress(endpoint: EndpointAddress): EndpointAddress

  /**
   * Calls `listener` after each applied change of a ServicePort or its endpoints, its removal included, until the
   * subscription is disposed. The directory already answers with the new state.
   */
  watch(listener: (changed: ServicePortName) => void): Disposable
}
