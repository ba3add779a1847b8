import type { NodeName, ServiceDirectory, ServicePortName } from '@edgeway/core'

export type PodNamespaceServices = Pick<ServiceDirectory, 'servicePorts' | 'endpoints' | 'watch'>

interface Pod {
  readonly ip: string
  readonly namespace: string
}

/**
 * The namespaces of this node's pods by their addresses, as far as they serve anything: the directory knows no others.
 * Follows the directory until it is disposed.
 */
export class PodNamespaces implements Disposable {
  readonly #services: PodNamespaceServices
  readonly #nodeName: NodeName
  readonly #pods = new Map<ServicePortName, readonly Pod[]>()
  /** How often each namespace has each address. */
  readonly #counts = new Map<string, Map<string, number>>()
  readonly #watch: Disposable

  constructor(services: PodNamespaceServices, nodeName: NodeName) {
    this.#services = services
    this.#nodeName = nodeName
    for (const { name } of services.servicePorts()) this.#refresh(name)
    this.#watch = services.watch((name) => this.#refresh(name))
  }

  /** `undefined` also for an address of several namespaces: pods in the host's network have the node's. */
  namespaceOf(ip: string): string | undefined {
    const namespaces = this.#counts.get(ip)
    return namespaces?.size === 1 ? namespaces.keys().next().value : undefined
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
  }

  #refresh(name: ServicePortName): void {
    for (const pod of this.#pods.get(name) ?? []) this.#count(pod, -1)
    const pods = this.#services
      .endpoints(name)
      .flatMap(({ node, ip, pod }) =>
        node === this.#nodeName && pod !== undefined ? [{ ip, namespace: pod.namespace }] : [],
      )
    for (const pod of pods) this.#count(pod, 1)
    if (pods.length === 0) this.#pods.delete(name)
    else this.#pods.set(name, pods)
  }

  #count({ ip, namespace }: Pod, by: number): void {
    const namespaces = this.#counts.get(ip) ?? new Map<string, number>()
    const count = (namespaces.get(namespace) ?? 0) + by
    if (count > 0) namespaces.set(namespace, count)
    else namespaces.delete(namespace)
    if (namespaces.size > 0) this.#counts.set(ip, namespaces)
    else this.#counts.delete(ip)
  }
}
