import type { Logger } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { isPublic, toMultiaddr } from '../../addresses.ts'
import { ProtocolError } from '../../errors.ts'
import type { AgentHost } from '../../host/host.ts'
import type { PunchMetrics } from '../../metrics.ts'
import { formatNatType, type Mapping, punchRole, UNKNOWN_NAT } from '../../nat-type.ts'
import { PUNCH_PROTOCOL } from '../../protocol/punch.ts'
import { abortable } from '../abortable.ts'
import type { PeerPaths } from '../paths/ways/candidates.ts'
import { initiatePunch } from './initiator.ts'
import { OfferLimit } from './offer-limit.ts'
import { PunchChannel } from './punch-channel.ts'
import { type ExchangeEnd, failed, type PunchObstacle, type PunchResult } from './punch-result.ts'
import type { NatView, PunchSide } from './punch-side.ts'
import { respondToPunch } from './responder.ts'

export interface PuncherDeps extends Pick<PunchSide, 'hasBetter' | 'reflect' | 'peers'> {
  readonly host: AgentHost
  readonly nat: NatView
  /** Which node is at the other end of a connection; `undefined`: no member. */
  readonly members: { memberOf(connection: Connection): Promise<object | undefined> }
  readonly metrics: PunchMetrics
  readonly logger: Logger
  /** Other mappings than public ones are for tests. */
  readonly isDialable?: (mapping: Mapping) => boolean
}

export type PunchedPeerPaths = Pick<PeerPaths, 'peerId' | 'nat'>

/** Punches at a time, of both sides together: each has a handful of sockets. */
const MAX_PUNCHES = 8
/** For each connection: one that runs, and those that are refused. */
const STREAMS = { maxInboundStreams: 4, maxOutboundStreams: 4 }
const OPEN_STREAM_MS = 10_000
const FIRST_OFFER_MS = 10_000

interface Running {
  readonly side: PunchEdge
  readonly abort: AbortController
  readonly result: Promise<PunchResult>
  hasOffered: boolean
  /** The exchange of the peer that took the place of this one. */
  successor?: Promise<PunchResult>
}

type PunchEdge = 'initiator' | 'responder'

/**
 * Opens paths through the NATs of both sides, by agreement over a path that there is already. What carries flows is not
 * touched; errors end as results.
 *
 * One punch per peer. When both sides offer at the same time, the offer of the smaller PeerId is answered, and who made the other
 * one waits for the same result.
 */
export class Puncher implements AsyncDisposable {
  readonly #deps: PuncherDeps
  readonly #side: PunchSide
  readonly #offers = new OfferLimit()
  /** By PeerId. */
  readonly #running = new Map<string, Running>()
  readonly #closing = new AbortController()

  constructor(deps: PuncherDeps) {
    this.#deps = deps
    this.#side = {
      ...deps,
      isDialable: deps.isDialable ?? isPublicMapping,
      tried: (end, details) => {
        deps.metrics.punchTries.add({ outcome: end.outcome })
        deps.logger.debug('a try of a punch ended', details)
      },
    }
  }

  /** To be called before anybody can connect. */
  async prepare(): Promise<void> {
    await this.#deps.host.node.handle(
      PUNCH_PROTOCOL,
      (stream, connection) => this.#serve(stream, connection),
      STREAMS,
    )
  }

  /** Why a punch would be of no use now; `undefined` when it is worth a try. */
  obstacle({ peerId, nat }: PunchedPeerPaths): PunchObstacle | undefined {
    const own = this.#deps.nat
    const peerNat = this.#deps.peers.natOf(peerId) ?? nat
    if (punchRole(own.type, peerNat) === undefined) return 'useless'
    return own.reflectors().length === 0 ? 'no-reflector' : undefined
  }

  /**
   * Up to 3 tries, agreed upon over that open connection. Never rejects. Calls for one peer are joined, also with a punch that
   * the peer has begun.
   */
  async punch(peer: PunchedPeerPaths, over: Connection, signal: AbortSignal): Promise<PunchResult> {
    const { peerId } = peer
    const running = this.#running.get(peerId)
    if (running !== undefined) return await joined(running.result, signal)
    const obstacle = this.obstacle(peer)
    if (obstacle !== undefined) return failed(obstacle, OBSTACLES[obstacle])
    if (this.#deps.hasBetter(peerId)) return failed('connected', 'there is a better path already')
    if (this.#running.size >= MAX_PUNCHES) return failed('busy', `${MAX_PUNCHES} punches are going on`)
    return await this.#run(peerId, 'initiator', (entry) =>
      this.#initiate(peer, { over, entry, signal: AbortSignal.any([signal, this.#stopOf(entry)]) }),
    )
  }

  /** Gives up what is going on. Connections that were punched stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the tunnel stops'))
    await Promise.all([...this.#running.values()].map(({ result }) => result))
  }

  #stopOf({ abort }: Pick<Running, 'abort'>): AbortSignal {
    return AbortSignal.any([abort.signal, this.#closing.signal])
  }

  /** Keeps the books of one exchange, which never rejects. */
  #run(
    peerId: string,
    side: PunchEdge,
    exchange: (entry: Running) => Promise<ExchangeEnd>,
  ): Promise<PunchResult> {
    const { promise: result, resolve } = Promise.withResolvers<PunchResult>()
    const entry: Running = { side, abort: new AbortController(), result, hasOffered: false }
    this.#running.set(peerId, entry)
    void exchange(entry).then((end) => {
      if (this.#running.get(peerId) === entry) this.#running.delete(peerId)
      if (entry.successor === undefined) this.#ended(peerId, end)
      resolve(entry.successor ?? end)
    })
    return result
  }

  async #initiate(
    { peerId, nat }: PunchedPeerPaths,
    {
      over,
      entry,
      signal,
    }: { readonly over: Connection; readonly entry: Running; readonly signal: AbortSignal },
  ): Promise<ExchangeEnd> {
    const { maxOutboundStreams } = STREAMS
    const opening = AbortSignal.any([signal, AbortSignal.timeout(OPEN_STREAM_MS)])
    const offering = (): void => {
      entry.hasOffered = true
    }
    let channel: PunchChannel | undefined
    try {
      const stream = await over.newStream(PUNCH_PROTOCOL, { signal: opening, maxOutboundStreams })
      channel = new PunchChannel(stream, signal)
      const end = await initiatePunch(this.#side, { peerId, channel, signal, offering })
      channel.end()
      return { peerNat: nat, ...end }
    } catch (error) {
      channel?.reset()
      return { peerNat: nat, ...failureOf(error, signal) }
    }
  }

  /** Serves a stream that a peer opened. Never rejects. */
  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const entryAbort = new AbortController()
    const signal = AbortSignal.any([entryAbort.signal, this.#closing.signal])
    const channel = new PunchChannel(stream, signal)
    try {
      const peerId = connection.remotePeer.toString()
      if ((await this.#deps.members.memberOf(connection)) === undefined) return channel.reset()
      const offer = await channel.read(['offer'], FIRST_OFFER_MS)
      if (!this.#takes(peerId)) return channel.refuse('busy', 'a punch is going on')
      const former = this.#running.get(peerId)
      const mayOffer = (): boolean => this.#offers.take(peerId)
      const result = this.#run(peerId, 'responder', async (entry) => {
        entry.abort.signal.addEventListener('abort', () => entryAbort.abort(entry.abort.signal.reason))
        try {
          return await respondToPunch(this.#side, offer, { peerId, channel, signal, mayOffer })
        } catch (error) {
          return { peerNat: offer.nat, ...failureOf(error, signal) }
        }
      })
      if (former !== undefined) {
        former.successor = result
        former.abort.abort(new Error('the offer of the peer takes its place'))
      }
      const end = await result
      if (end.kind === 'punched' || end.reason !== 'signalling') channel.end()
      else channel.reset()
    } catch (error) {
      if (error instanceof ProtocolError) channel.refuse('bad-request', error.message)
      else channel.reset()
    }
  }

  /** Whether an offer is answered, beside what is going on. */
  #takes(peerId: string): boolean {
    const running = this.#running.get(peerId)
    if (running === undefined) return this.#running.size < MAX_PUNCHES
    if (running.side === 'responder') return false
    return !running.hasOffered || peerId < this.#deps.host.node.peerId.toString()
  }

  #ended(peer: string, end: ExchangeEnd): void {
    const { nat, peers, metrics, logger } = this.#deps
    const peerNat = end.peerNat ?? peers.natOf(peer) ?? UNKNOWN_NAT
    const types = { nat: formatNatType(nat.type), peer_nat: formatNatType(peerNat) }
    const { kind, tries } = end
    metrics.punches.add({ outcome: kind === 'punched' ? kind : end.reason, ...types })
    if (kind === 'punched') {
      const address = end.connection.remoteAddr.toString()
      logger.info('punched a path through the NATs of both sides', { peer, address, tries, ...types })
    } else {
      const { reason, message: explanation } = end
      logger.debug('a punch failed', { peer, reason, explanation, tries, ...types })
    }
  }
}

function failureOf(error: unknown, signal: AbortSignal): PunchResult {
  const message = error instanceof Error ? error.message : String(error)
  if (signal.aborted) return failed('aborted', message)
  const isUnknown = error instanceof Error && error.name === 'UnsupportedProtocolError'
  return failed(isUnknown ? 'unsupported-version' : 'signalling', message)
}

async function joined(result: Promise<PunchResult>, signal: AbortSignal): Promise<PunchResult> {
  try {
    return await abortable(result, signal)
  } catch (error) {
    return failed('aborted', error instanceof Error ? error.message : String(error))
  }
}

const OBSTACLES: Readonly<Record<PunchObstacle, string>> = {
  useless: 'both NATs keep each other out',
  'no-reflector': 'no tunnel server that is joined tells this node its public address',
}

/** A peer that lies makes nobody dial into a LAN, or a well-known service. */
function isPublicMapping({ ip, port }: Mapping): boolean {
  return port > 1023 && isPublic(toMultiaddr(ip, port))
}
