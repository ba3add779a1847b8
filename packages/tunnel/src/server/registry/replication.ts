import { lookup } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@edgeway/core'
import { parseHostPort, toMultiaddr } from '../../addresses.ts'
import { ServerLink, type ServerLinkDeps, type ServerLinkStatus } from './server-link.ts'

/** Names are looked up again after that long: servers come and go. */
const RESOLVE_MS = 10_000

export type ReplicationDeps = ServerLinkDeps

/**
 * Keeps this server linked with all others: one link for each address that the configured names lead to. Servers are
 * equal; each dials all, and of two links between two servers one stays.
 */
export class Replication implements AsyncDisposable {
  readonly #peers: readonly string[]
  readonly #deps: ReplicationDeps
  readonly #logger: Logger
  /** By multiaddr. */
  readonly #links = new Map<string, ServerLink>()
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  readonly #unresolved = new Set<string>()

  /**
   * @param peers - `host:port` each
   * @throws {AddressError} when one is of another form
   */
  constructor(peers: readonly string[], deps: ReplicationDeps) {
    for (const peer of peers) parseHostPort(peer)
    this.#peers = peers
    this.#deps = deps
    this.#logger = deps.logger
    this.#running = peers.length === 0 ? Promise.resolve() : this.#run()
  }

  get status(): readonly ServerLinkStatus[] {
    return [...this.#links.values()].map(({ status }) => status)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await Promise.all([...this.#links.values()].map((link) => link[Symbol.asyncDispose]()))
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const found = await Promise.all(this.#peers.map((peer) => this.#resolve(peer)))
      if (signal.aborted) return
      this.#reconcile(found)
      // Rejects only when this is disposed of, which the loop sees.
      await sleep(RESOLVE_MS, undefined, { signal }).catch(() => {})
    }
  }

  /** Links of a name that can't be looked up just now stay: the servers may well be there. */
  #reconcile(found: readonly (readonly string[] | undefined)[]): void {
    const wanted = new Set(found.flatMap((addresses) => addresses ?? []))
    for (const address of wanted) {
      if (!this.#links.has(address)) this.#links.set(address, new ServerLink(address, this.#deps))
    }
    if (found.includes(undefined)) return
    for (const [address, link] of this.#links) {
      if (wanted.has(address)) continue
      this.#links.delete(address)
      void link[Symbol.asyncDispose]()
    }
  }

  /** The multiaddrs of all addresses that a name has; `undefined` when it can't be looked up. */
  async #resolve(peer: string): Promise<readonly string[] | undefined> {
    const [host, port] = parseHostPort(peer).getComponents()
    try {
      const addresses = await lookup(host?.value ?? '', { all: true })
      this.#unresolved.delete(peer)
      return addresses.map(({ address }) => toMultiaddr(address, Number(port?.value)).toString())
    } catch (error) {
      if (!this.#unresolved.has(peer)) {
        this.#logger.warn('the name of a tunnel server can not be looked up, will retry', {
          server: peer,
          error,
        })
      }
      this.#unresolved.add(peer)
      return undefined
    }
  }
}
