import type { Logger, NodeName } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { ProtocolError } from '../../errors.ts'
import { closeConnection } from '../../host/connections.ts'
import { endWith } from '../../host/linger.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import type { ClusterKeys } from '../../identity/cluster-keys.ts'
import { revokedUntil } from '../../identity/membership.ts'
import type { ServerMetrics } from '../../metrics.ts'
import {
  decodeEnrolmentRequest,
  ENROLMENT_REQUEST_FRAMES,
  ENROLMENT_VERSION,
  type Enrol,
  type EnrolmentAnswer,
  type EnrolmentRequest,
  encodeEnrolmentAnswer,
} from '../../protocol/enrolment.ts'
import { readFrame } from '../../protocol/frames.ts'
import type { PeerBook } from '../../records/peer-book.ts'
import { refusalLog } from '../refusal-log.ts'
import type { OwnRecord } from '../registry/own-record.ts'
import type { Presence } from '../registry/presence.ts'
import {
  decideEnrolment,
  decideRenewal,
  type EnrolmentRefused,
  type EnrolmentState,
  type Holder,
  refused,
} from './enrolment.ts'

/** Who is no member yet must not fill the server's memory. */
const MAX_PENDING = 256

export interface EnrolmentDeps {
  readonly keys: ClusterKeys
  readonly book: PeerBook
  readonly presence: Presence
  /** This server's own certificate. */
  readonly own: Pick<OwnRecord, 'certificate'>
  /** Called when a peer has become a member: it has the grace anew to say hello. */
  enrolled(connection: Connection): void
  readonly timeoutMs: number
  readonly certificateValidSeconds: number
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

type Granted = { readonly kind: 'granted'; readonly certificate: string }
type Outcome = Granted | EnrolmentRefused

/** The server's side of enrolment: lets keys become members, and renews their certificates. */
export class EnrolmentHandler {
  readonly #deps: EnrolmentDeps
  readonly #logRefusal: ReturnType<typeof refusalLog>
  #pending = 0
  /** Names that were given away, or are just being given; their keys have not published a record yet. */
  readonly #given = new Map<NodeName, Holder & { readonly at: number }>()

  constructor(deps: EnrolmentDeps) {
    this.#deps = deps
    this.#logRefusal = refusalLog(deps.logger)
  }

  /** Serves one stream. The connection stays open where the peer is a member now. Never rejects. */
  async serve(libp2pStream: Stream, connection: Connection): Promise<void> {
    const { logger } = this.#deps
    const peer = connection.remotePeer.toString()
    const stream = new StreamDuplex(libp2pStream)
    stream.on('error', (error) => logger.debug('enrolment stream failed', { peer, error }))
    this.#pending++
    let isMember = false
    try {
      const outcome = await this.#exchange(stream, connection)
      isMember = outcome?.kind === 'granted'
      if (outcome !== undefined) await this.#conclude(stream, connection, outcome)
    } catch (error) {
      logger.debug('enrolment failed', { peer, error })
    }
    this.#pending--
    stream.destroy()
    if (isMember) this.#deps.enrolled(connection)
    else await closeConnection(connection)
  }

  /** @returns `undefined` when the peer went away, or did not want any more */
  async #exchange(stream: StreamDuplex, connection: Connection): Promise<Outcome | undefined> {
    try {
      const hello = await this.#read(stream)
      if (hello === undefined) return undefined
      // Members can renew, whatever strangers do.
      const isKnown = this.#deps.book.byPeerId(connection.remotePeer.toString()) !== undefined
      if (this.#pending > MAX_PENDING && !isKnown)
        return refused('busy', 'too many nodes enrol just now: try again')
      if (hello.type !== 'hello') return refused('bad-request', 'the first message must be hello')
      if (hello.version !== ENROLMENT_VERSION) {
        return refused(
          'unsupported-version',
          `enrolment version ${hello.version} is unknown, this server has ${ENROLMENT_VERSION}`,
        )
      }
      const bundle = this.#deps.keys.trust.bundle ?? ''
      stream.write(encodeEnrolmentAnswer({ type: 'server', certificate: this.#deps.own.certificate, bundle }))
      const request = await this.#read(stream)
      return request === undefined ? undefined : await this.#decide(request, connection)
    } catch (error) {
      if (error instanceof ProtocolError) return refused('bad-request', error.message)
      throw error
    }
  }

  async #read(stream: StreamDuplex): Promise<EnrolmentRequest | undefined> {
    const deadline = AbortSignal.timeout(this.#deps.timeoutMs)
    const frame = await readFrame(stream, ENROLMENT_REQUEST_FRAMES, deadline)
    return frame === undefined ? undefined : decodeEnrolmentRequest(frame)
  }

  async #decide(request: EnrolmentRequest, { remotePeer }: Connection): Promise<Outcome | undefined> {
    const peerId = remotePeer.toString()
    switch (request.type) {
      case 'hello':
        return refused('bad-request', 'hello was said already')
      case 'untrusted':
        this.#deps.metrics.refusals.add({ reason: 'untrusted' })
        this.#logRefusal('a node does not trust this server: is its join token of another cluster?', {
          ...{ peer: peerId, reason: 'untrusted' },
          explanation: request.message,
        })
        return undefined
      case 'renew':
        return this.#renew(request.certificate, peerId)
      case 'enrol':
        return await this.#enrol(request, peerId)
    }
  }

  #renew(certificate: string, peerId: string): Outcome {
    const { keys, certificateValidSeconds, logger } = this.#deps
    const decision = decideRenewal(keys.trust.judge(certificate, { peerId, role: 'agent' }), this.#state())
    if (decision.kind === 'refused') return decision
    const { node, labels, token, invitedAt } = decision.membership
    const origin = {
      ...(token === undefined ? {} : { token }),
      ...(invitedAt === undefined ? {} : { invitedAt }),
    }
    logger.info('renewed a membership', { node, peer: peerId })
    const request = { node, peerId, role: 'agent' as const, labels, ...origin }
    return { kind: 'granted', certificate: keys.issue(request, certificateValidSeconds) }
  }

  /** From the decision on, the name is held: of two keys that want it at once, one gets it. */
  async #enrol(request: Enrol, peerId: string): Promise<Outcome> {
    const { node } = request
    const decision = decideEnrolment(request, peerId, this.#state())
    if (decision.kind === 'refused') return decision
    const before = this.#given.get(node)
    const holder = { node, peerId, role: 'agent' as const, isRecent: true, at: Date.now() }
    this.#given.set(node, holder)
    try {
      const outcome = await this.#grant(request, peerId, decision)
      if (outcome.kind === 'granted') return outcome
      this.#giveBack(node, before)
      return outcome
    } catch (error) {
      this.#giveBack(node, before)
      this.#deps.logger.error('can not let nodes in: the state of the cluster can not be stored', {
        node,
        error,
      })
      return refused('busy', 'the server can not store its state just now: try again')
    }
  }

  async #grant(
    { node, labels }: Enrol,
    peerId: string,
    { token, superseded }: Extract<ReturnType<typeof decideEnrolment>, { kind: 'granted' }>,
  ): Promise<Outcome> {
    const { keys, certificateValidSeconds, logger } = this.#deps
    const isSingle = token.uses === 'single'
    if (isSingle && (await keys.spend(token, peerId)) === 'taken') {
      return refused(
        'token-spent',
        `join token ${token.id} was for a single use, and another key has used it`,
      )
    }
    if (superseded !== undefined) await this.#supersede(superseded, { node, by: peerId })
    logger.info('admitted a node', { node, peer: peerId, token: token.id })
    const origin = {
      ...(isSingle ? { token: token.id } : {}),
      ...(token.node === node ? { invitedAt: token.issuedAt } : {}),
    }
    const request = { node, peerId, role: 'agent' as const, labels, ...origin }
    return { kind: 'granted', certificate: keys.issue(request, certificateValidSeconds) }
  }

  /** The former key of a node is no member's any more, as long as any certificate of it could last. */
  async #supersede(peerId: string, { node, by }: { node: NodeName; by: string }): Promise<void> {
    const { keys, book, certificateValidSeconds, logger } = this.#deps
    // It may have renewed since without telling.
    const { notBefore = 0, notAfter = 0 } = book.byPeerId(peerId)?.membership ?? {}
    const until = revokedUntil(
      keys.trust.clock.now(),
      Math.max(notAfter - notBefore, certificateValidSeconds),
    )
    await keys.revoke({ kind: 'peer', value: peerId, until })
    logger.warn('a member was replaced', { node, peer: peerId, by })
  }

  #giveBack(node: NodeName, before: (Holder & { readonly at: number }) | undefined): void {
    if (before === undefined) this.#given.delete(node)
    else this.#given.set(node, before)
  }

  #state(): EnrolmentState {
    const { keys, book, presence } = this.#deps
    this.#forgetPublished()
    const holder = (record: ReturnType<PeerBook['byPeerId']>): Holder | undefined =>
      record && { ...record.membership, isRecent: presence.isRecent(record.peerId) }
    return {
      trust: keys.trust,
      now: keys.trust.clock.now(),
      memberCount: book.size + this.#given.size,
      holderOf: (node) => this.#given.get(node) ?? holder(book.byNode(node)),
      byPeerId: (peerId) => holder(book.byPeerId(peerId)),
    }
  }

  /** Names whose keys have published their record since, or never came back. */
  #forgetPublished(): void {
    const { book, presence } = this.#deps
    for (const [node, { peerId, at }] of this.#given) {
      const isPublished = book.byNode(node)?.peerId === peerId
      if (isPublished || Date.now() - at > presence.holdMs) this.#given.delete(node)
    }
  }

  async #conclude(stream: StreamDuplex, connection: Connection, outcome: Outcome): Promise<void> {
    if (outcome.kind === 'granted') {
      const bundle = this.#deps.keys.trust.bundle ?? ''
      await endWith(stream, frameOf({ type: 'enrolled', certificate: outcome.certificate, bundle }))
      return
    }
    const { reason, message } = outcome
    this.#deps.metrics.refusals.add({ reason })
    this.#logRefusal('refused to let a node in', {
      ...{ reason, explanation: message, peer: connection.remotePeer.toString() },
      address: connection.remoteAddr.toString(),
    })
    await endWith(stream, frameOf({ type: 'refused', reason, message }))
  }
}

function frameOf(answer: EnrolmentAnswer): Buffer {
  return encodeEnrolmentAnswer(answer)
}
