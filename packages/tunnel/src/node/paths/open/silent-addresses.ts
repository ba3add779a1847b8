import { localIpOf } from '../../../host/connection-parts.ts'
import type { Host } from '../../../host/host.ts'
import type { OpenPath } from './open-paths.ts'

/** What is bound to one address is asked that often at most, */
const ASK_MS = 10_000
/** and so many of its connections: a question for each costs some 300 bytes. */
const MAX_ASKED = 64

interface AskableHost {
  readonly node: Pick<Host['node'], 'getConnections'>
  readonly liveness: Pick<Host['liveness'], 'ask'>
}

/**
 * When a connection falls silent, others from the same address of this host may have, too: an uplink that died without its
 * address having gone. They are asked, so that each is known to be alive or dead before a call has to find out.
 */
export class SilentAddresses {
  readonly #host: AskableHost
  /** By IP address of this host. */
  readonly #askedAt = new Map<string, number>()

  constructor(host: AskableHost) {
    this.#host = host
  }

  /** To be called with the paths of peers in use, again and again. */
  look(paths: readonly Pick<OpenPath, 'id' | 'condition'>[]): void {
    const silent = paths.filter(({ condition }) => condition === 'silent')
    for (const ip of new Set(silent.map(({ id }) => localIpOf(id)))) if (ip !== undefined) this.#ask(ip)
  }

  /** The addresses of this host changed. */
  clear(): void {
    this.#askedAt.clear()
  }

  #ask(ip: string): void {
    const now = performance.now()
    if (now - (this.#askedAt.get(ip) ?? Number.NEGATIVE_INFINITY) < ASK_MS) return
    this.#askedAt.set(ip, now)
    const { node, liveness } = this.#host
    const bound = node.getConnections().filter((connection) => localIpOf(connection) === ip)
    for (const connection of bound.slice(-MAX_ASKED)) liveness.ask(connection)
  }
}
