import type { Protocol, ServicePort } from '@edgeway/core'

/**
 * ServicePorts by their addresses and node ports. Several may have one while it moves to another Service: the latest has it,
 * but an external IP takes nothing from a ClusterIP (CVE-2020-8554). Headless ones have no address of their own.
 */
export class AddressIndex {
  readonly #ports = new Map<string, readonly ServicePort[]>()

  get(ip: string, port: number, protocol: Protocol): ServicePort | undefined {
    const claimants = this.#ports.get(keyOf(ip, port, protocol))
    if (claimants === undefined || claimants.length === 1) return claimants?.[0]
    return claimants.findLast(({ clusterIps }) => clusterIps.includes(ip)) ?? claimants.at(-1)
  }

  getNodePort(port: number, protocol: Protocol): ServicePort | undefined {
    return this.#ports.get(keyOf(EACH_NODE, port, protocol))?.at(-1)
  }

  add(port: ServicePort): void {
    for (const key of keysOf(port)) this.#ports.set(key, [...(this.#ports.get(key) ?? []), port])
  }

  remove(port: ServicePort): void {
    for (const key of keysOf(port)) {
      const others = (this.#ports.get(key) ?? []).filter(({ name }) => name !== port.name)
      if (others.length > 0) this.#ports.set(key, others)
      else this.#ports.delete(key)
    }
  }
}

/** Stands for each node's own addresses. */
const EACH_NODE = '*'

function keysOf({ clusterIps, externalIps, port, nodePort, protocol }: ServicePort): string[] {
  if (clusterIps.length === 0) return []
  const keys = [...clusterIps, ...externalIps].map((ip) => keyOf(ip, port, protocol))
  return nodePort === undefined ? keys : [...keys, keyOf(EACH_NODE, nodePort, protocol)]
}

function keyOf(ip: string, port: number, protocol: Protocol): string {
  return `${ip} ${port} ${protocol}`
}
