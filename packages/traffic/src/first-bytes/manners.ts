import type { Service, ServicePortName } from '@edgeway/core'

/**
 * Who speaks first on the connections of a ServicePort, as far as it was seen: nothing is known yet; the server does; or clients
 * do, and speak HTTP.
 */
export type Manners = 'unknown' | 'server-first' | 'http'

/** A server that greets may be replaced by one that does not. */
const SERVER_FIRST_MS = 600_000

interface Seen {
  readonly manners: Exclude<Manners, 'unknown'>
  readonly atMs: number
}

/** What was seen of the manners of ServicePorts; each change of a Service makes it unknown again. */
export class MannersSeen {
  readonly #now: () => number
  readonly #seen = new WeakMap<Service, Map<ServicePortName, Seen>>()

  /** @param now - milliseconds of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now
  }

  of(service: Service, port: ServicePortName): Manners {
    const seen = this.#seen.get(service)?.get(port)
    if (seen === undefined) return 'unknown'
    const isOver = seen.manners === 'server-first' && this.#now() - seen.atMs >= SERVER_FIRST_MS
    return isOver ? 'unknown' : seen.manners
  }

  /** A client sent a request. */
  sawHttp(service: Service, port: ServicePortName): void {
    if (this.of(service, port) !== 'http') this.#note(service, port, 'http')
  }

  /** A server greeted its client. Where clients have sent requests before, it says nothing of the others. */
  sawGreeting(service: Service, port: ServicePortName): void {
    if (this.of(service, port) === 'unknown') this.#note(service, port, 'server-first')
  }

  #note(service: Service, port: ServicePortName, manners: Seen['manners']): void {
    const ports = this.#seen.get(service) ?? new Map<ServicePortName, Seen>()
    this.#seen.set(service, ports.set(port, { manners, atMs: this.#now() }))
  }
}
