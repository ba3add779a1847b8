import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { NeighbourAddresses } from '../path-ports.ts'
import type { JoinedRelay } from '../ways/relay-choice.ts'
import type { LeftAlone } from './left-alone.ts'
import type { PathDialer } from './path-dialer.ts'

export interface AttemptsDeps {
  readonly dialer: Pick<PathDialer, 'dialDirect' | 'dialRelayed'>
  readonly leftAlone: Pick<LeftAlone, 'waitOf'>
  readonly neighbours: NeighbourAddresses
}

/** One attempt that is going on. */
interface Attempt {
  readonly since: number
  readonly result: Promise<Connection>
}

/** What is being tried with which peer now. The same is not tried twice at a time: whoever wants it joins. */
export class Attempts {
  readonly #deps: AttemptsDeps
  /** By PeerId, then by what is tried: an address, or another key. */
  readonly #running = new Map<string, Map<string, Attempt>>()

  constructor(deps: AttemptsDeps) {
    this.#deps = deps
  }

  isRunning(peerId: string, key: string): boolean {
    return this.#running.get(peerId)?.has(key) ?? false
  }

  /** When the youngest of those began, by `performance.now()`; `undefined` when none is running. */
  youngestOf(peerId: string, keys: readonly string[]): number | undefined {
    const running = this.#running.get(peerId)
    const times = keys.map((key) => running?.get(key)?.since).filter((since) => since !== undefined)
    return times.length === 0 ? undefined : Math.max(...times)
  }

  /** @throws {Error} when nobody answers, or somebody else; the address is left alone for a while then */
  dialDirect(address: Multiaddr, peerId: string): Promise<Connection> {
    const text = address.toString()
    return this.join(peerId, text, async () => {
      try {
        return await this.#deps.dialer.dialDirect(address, peerId)
      } catch (error) {
        this.#refute(peerId, text)
        throw error
      }
    })
  }

  /** @throws {Error} when the relay or the peer does not answer; the relay is left alone for this peer then */
  dialRelayed({ address }: Pick<JoinedRelay, 'address'>, peerId: string): Promise<Connection> {
    return this.join(peerId, address.toString(), () => this.#deps.dialer.dialRelayed(address, peerId))
  }

  /** Runs it, unless the same is running with that peer: then it has the result of that. */
  join(peerId: string, key: string, run: () => Promise<Connection>): Promise<Connection> {
    const ofPeer = this.#running.get(peerId) ?? new Map<string, Attempt>()
    const running = ofPeer.get(key)
    if (running !== undefined) return running.result
    const result = run().finally(() => {
      ofPeer.delete(key)
      if (ofPeer.size === 0) this.#running.delete(peerId)
    })
    ofPeer.set(key, { since: performance.now(), result })
    this.#running.set(peerId, ofPeer)
    return result
  }

  #refute(peerId: string, address: string): void {
    const { leftAlone, neighbours } = this.#deps
    if (leftAlone.waitOf(peerId, address)?.why !== 'wrong-identity') return
    if (neighbours.addressesOf(peerId).includes(address)) neighbours.refuted(peerId, address)
  }
}
