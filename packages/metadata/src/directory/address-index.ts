import type { Protocol, ServicePort } from '@edgeway/core'

/** ServicePorts by their addresses. Several may have one while it moves from a Service to another: the latest has it. */
export class AddressIndex {
  readonly #ports = new Map<string, readonly ServicePort[]>()

  get(ip: string, port: number, protocol: Protocol): ServicePort | undefined {
    return this.#ports.get(keyOf(ip, port, protocol))?.at(-1)
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

function keysOf({ clusterIps, externalIps, port, protocol }: ServicePort): string[] {
  return [...clusterIps, ...externalIps].map((ip) => keyOf(ip, port, protocol))
}

function keyOf(ip: string, port: number, protocol: Protocol): string {
  return `${ip} ${port} ${protocol}`
}
