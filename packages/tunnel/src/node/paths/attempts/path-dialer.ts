import { type Logger, limitedWarn } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { AgentHost } from '../../../host/host.ts'
import { DIAL_ROUND_TRIPS, patienceMs, timeoutError } from '../../../host/patience.ts'
import type { TunnelMetrics } from '../../../metrics.ts'
import type { CandidateFailure, LeftAlone } from './left-alone.ts'

export interface PathDialerDeps {
  readonly host: AgentHost
  readonly leftAlone: LeftAlone
  readonly stopping: AbortSignal
  readonly metrics: Pick<TunnelMetrics, 'candidateFailures'>
  readonly logger: Logger
}

/** To the relay: for the circuit, for the handshake with the peer behind it, and as many for the peer's way. */
const RELAYED_ROUND_TRIPS = 12

/** That the peer has answered a dial which goes on. */
interface Reached {
  readonly peerId: string | undefined
  readonly ms: number
}

/** Dials one address of one peer, and remembers how that went. Who answers must prove to be that peer. */
export class PathDialer {
  readonly #connectTimeoutMs: number
  readonly #deps: PathDialerDeps
  readonly #warn: Logger['warn']
  readonly #reached = new Set<Reached>()

  constructor({ connectTimeoutMs }: { readonly connectTimeoutMs: number }, deps: PathDialerDeps) {
    this.#connectTimeoutMs = connectTimeoutMs
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
  }

  /** @throws {Error} when nobody answers, or somebody else; the address is left alone for a while then */
  async dialDirect(address: Multiaddr, peerId: string): Promise<Connection> {
    const { leftAlone, stopping } = this.#deps
    const text = address.toString()
    try {
      const connection = await this.#dialReached(multiaddr(`${text}/p2p/${peerId}`))
      leftAlone.answered(peerId, text)
      return connection
    } catch (error) {
      if (!stopping.aborted) this.#failed(text, peerId, error)
      throw error
    }
  }

  /** @throws {Error} when the relay or the peer does not answer; the relay is left alone for this peer then */
  async dialRelayed(relay: Multiaddr, peerId: string): Promise<Connection> {
    const { leftAlone, host } = this.#deps
    const { node, liveness } = host
    const relayPeer = peerIdOf(relay)
    const carriers = relayPeer === undefined ? [] : node.getConnections(peerIdFromString(relayPeer))
    // A relay that went silent shall be noticed by this.
    for (const carrier of carriers) liveness.expecting(carrier)
    try {
      const connection = await this.#dialThrough(carriers[0], multiaddr(`${relay}/p2p-circuit/p2p/${peerId}`))
      leftAlone.answered(peerId, relay.toString())
      return connection
    } catch (error) {
      leftAlone.failed(peerId, relay.toString(), 'unreachable')
      throw error
    }
  }

  /** Of a dial that goes on: what it took until the peer had answered, in ms; `undefined` where it has not. */
  reachedMs(peerId: string): number | undefined {
    const times = [...this.#reached].filter((each) => each.peerId === peerId).map(({ ms }) => ms)
    return times.length === 0 ? undefined : Math.max(...times)
  }

  #failed(address: string, peer: string, error: unknown): void {
    const reason: CandidateFailure = isWrongIdentity(error) ? 'wrong-identity' : 'unreachable'
    this.#deps.leftAlone.failed(peer, address, reason)
    this.#deps.metrics.candidateFailures.add({ reason })
    if (reason === 'wrong-identity')
      this.#warn('another host answers at the address of a peer', { peer, address })
  }

  /** Who has answered TCP gets the time that the way needs. */
  async #dialReached(address: Multiaddr): Promise<Connection> {
    const startedAt = performance.now()
    const over = new AbortController()
    const end = (): void => over.abort(timeoutError())
    let timer = setTimeout(end, this.#connectTimeoutMs)
    const reached = (): void => {
      clearTimeout(timer)
      const rttMs = performance.now() - startedAt
      const step = { roundTrips: DIAL_ROUND_TRIPS - 1, rttMs, floorMs: this.#connectTimeoutMs - rttMs }
      timer = setTimeout(end, patienceMs(step))
    }
    try {
      return await this.#dial(address, over.signal, reached)
    } finally {
      clearTimeout(timer)
    }
  }

  /** The answers may have to wait behind what else comes from the relay. The peer's way to it is taken for as long as the own. */
  async #dialThrough(carrier: Connection | undefined, address: Multiaddr): Promise<Connection> {
    const floorMs = this.#connectTimeoutMs
    if (carrier === undefined) return await this.#dial(address, AbortSignal.timeout(floorMs))
    using deadline = this.#deps.host.liveness.deadline(carrier, { roundTrips: RELAYED_ROUND_TRIPS, floorMs })
    return await this.#dial(address, deadline.signal)
  }

  /** @throws {TimeoutError} when the time is up; libp2p's own error for that depends on the step it happened in */
  async #dial(address: Multiaddr, timeout: AbortSignal, whenReached?: () => void): Promise<Connection> {
    const { host, stopping } = this.#deps
    const startedAt = performance.now()
    let answered: Reached | undefined
    const reached = (): void => {
      answered = { peerId: peerIdOf(address), ms: performance.now() - startedAt }
      this.#reached.add(answered)
      whenReached?.()
    }
    try {
      return await host.dial(address, AbortSignal.any([stopping, timeout]), { reached })
    } catch (error) {
      throw timeout.aborted ? timeout.reason : error
    } finally {
      if (answered !== undefined) this.#reached.delete(answered)
    }
  }
}

function peerIdOf(address: Multiaddr): string | undefined {
  return address.getComponents().findLast(({ name }) => name === 'p2p')?.value
}

/** The only trace that noise's refusal of another identity leaves is its text; nor does libp2p dial itself. */
export function isWrongIdentity(error: unknown): boolean {
  return error instanceof Error && /does not match expected|Can not dial self/i.test(error.message)
}
