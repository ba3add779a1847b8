import type { ConnectionPool, ServicePortName } from '@edgeway/core'

/** How many connections of ServicePorts are carried now. */
export class OpenConnections {
  /** Only of ServicePorts that have some. */
  readonly #open = new Map<ServicePortName, number>()

  /** As many as the pool may have at most. */
  isFull(name: ServicePortName, { maxConnections }: Pick<ConnectionPool, 'maxConnections'>): boolean {
    return maxConnections !== undefined && this.#openOf(name) >= maxConnections
  }

  opened(name: ServicePortName): void {
    this.#open.set(name, this.#openOf(name) + 1)
  }

  closed(name: ServicePortName): void {
    const left = this.#openOf(name) - 1
    if (left === 0) this.#open.delete(name)
    else this.#open.set(name, left)
  }

  #openOf(name: ServicePortName): number {
    return this.#open.get(name) ?? 0
  }
}
