import { setImmediate } from 'node:timers/promises'
import { type Logger, limitedWarn } from '@edgeway/core'
import { TrustError } from '../../errors.ts'
import type { ClusterKeys } from '../../identity/cluster-keys.ts'
import type { ServerMetrics } from '../../metrics.ts'
import { encodeRegistryMessage, type RegistryMessage } from '../../protocol/registry.ts'
import type { ApplyOutcome, PeerBook } from '../../records/peer-book.ts'
import { type PeerRecord, type PeerRecordWire, readPeerRecord } from '../../records/peer-record.ts'
import type { KeyGuard } from './key-guard.ts'
import type { Presence, RemotePresence } from './presence.ts'
import type { RecordFeed } from './record-feed.ts'
import type { RegistrySession } from './registry-session.ts'

export interface RegistryInboxDeps {
  readonly keys: ClusterKeys
  readonly book: PeerBook
  readonly presence: Presence
  readonly guard: KeyGuard
  readonly feed: RecordFeed
  sessionOf(peerId: string): RegistrySession | undefined
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

/** Verifying one costs 0.2 ms: others get their turn in between. */
const RECORDS_AT_ONCE = 25
/** Of an agent, in one message: it has one to tell. */
const MAX_OWN_RECORDS = 4
/** A new record of an agent is verified, told to all others and stored: that many messages' worth. */
const RECORD_COST = 10

/** What members say during a session, and what is done about it. */
export class RegistryInbox {
  readonly #deps: RegistryInboxDeps
  readonly #warn: Logger['warn']

  constructor(deps: RegistryInboxDeps) {
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
  }

  /** Takes messages until the stream ends. Rejects when it ends by an error. */
  async follow(session: RegistrySession): Promise<void> {
    using remote = session.isServer ? this.#deps.presence.remote() : undefined
    for (;;) {
      const message = await session.read()
      if (message === undefined) return
      await this.#take(message, session, remote)
    }
  }

  async #take(
    message: RegistryMessage,
    session: RegistrySession,
    remote: RemotePresence | undefined,
  ): Promise<void> {
    const { feed, book } = this.#deps
    switch (message.type) {
      case 'records':
        return await this.#takeRecords(message.records, session)
      case 'bundle':
        return await this.#takeBundle(message.bundle, session)
      case 'want':
        return session.answer(message.keys, (key) => feed.find(key))
      case 'lookup': {
        const record = book.byNode(message.node)?.wire
        session.send(encodeRegistryMessage({ type: 'found', id: message.id, record }))
        return
      }
      case 'refused':
      case 'notice':
        this.#warn('a member says that something is wrong', {
          ...{ reason: message.reason, explanation: message.message },
          ...{ node: session.membership.node, peer: session.peerId },
        })
        return
      default:
        if (remote !== undefined) this.#takeFromServer(message, session, remote)
    }
  }

  #takeFromServer(message: RegistryMessage, session: RegistrySession, remote: RemotePresence): void {
    if (message.type === 'present') remote.add(message.keys)
    if (message.type === 'absent') remote.remove(message.keys)
    if (message.type !== 'have') return
    const keys = this.#deps.feed.missing(message.entries)
    if (keys.length > 0) session.send(encodeRegistryMessage({ type: 'want', keys }))
  }

  async #takeRecords(records: readonly PeerRecordWire[], session: RegistrySession): Promise<void> {
    const taken = session.isServer ? records : records.slice(0, MAX_OWN_RECORDS)
    for (const [index, wire] of taken.entries()) {
      if (index % RECORDS_AT_ONCE === RECORDS_AT_ONCE - 1) await setImmediate()
      await this.#takeRecord(wire, session)
    }
    if (taken.length === records.length) return
    const message = `an agent tells of itself only, not of ${records.length} nodes`
    this.#refuse(session, { reason: 'not-own', message })
  }

  async #takeRecord(wire: PeerRecordWire, session: RegistrySession): Promise<void> {
    const { keys, book, guard } = this.#deps
    if (!session.isServer && isSame(wire, book.byPeerId(session.peerId)?.wire)) return
    session.charge(RECORD_COST)
    const verdict = readPeerRecord(wire, keys.trust)
    if (verdict.kind === 'refused') return this.#refuse(session, verdict)
    const { record } = verdict
    const isFromPeer = record.peerId === session.peerId
    if (!isFromPeer && !session.isServer) {
      const message = `an agent tells of itself only, not of node ${record.node}`
      return this.#refuse(session, { reason: 'not-own', message })
    }
    const holder = this.#deps.sessionOf(record.peerId)
    const clone = await guard.checkInstance(record, { holder, isFromPeer })
    const concerned = isFromPeer ? session : holder
    if (clone !== undefined) {
      concerned?.send(encodeRegistryMessage({ type: 'notice', reason: 'key-in-use', message: clone }))
    }
    if (!(await guard.checkToken(record))) return
    if (this.#apply(record) !== 'superseded' || !isFromPeer) return
    // Nobody finds a node whose record is passed over: it would not know why.
    const message = `another key speaks for node ${record.node} by a later certificate: ${book.byNode(record.node)?.peerId}`
    this.#refuse(session, { reason: 'superseded', message })
  }

  #apply(record: PeerRecord): ApplyOutcome {
    const { book, keys, metrics } = this.#deps
    const outcome = book.apply(record)
    if (outcome === 'full') this.#deps.metrics.refusedRecords.add({ reason: 'full' })
    if (outcome !== 'set') return outcome
    keys.trust.clock.see(record.membership.issuedAt)
    metrics.members.set({}, book.size)
    // Renewed certificates come with the record that is published then.
    const session = this.#deps.sessionOf(record.peerId)
    if (session === undefined || record.membership.issuedAt < session.membership.issuedAt) return outcome
    session.membership = record.membership
    session.certificate = record.wire.certificate
    return outcome
  }

  #refuse(
    session: RegistrySession,
    { reason, message }: { readonly reason: RecordRefusal; readonly message: string },
  ): void {
    this.#deps.metrics.refusedRecords.add({ reason })
    this.#warn('refused a record', {
      ...{ reason, explanation: message, node: session.membership.node, peer: session.peerId },
    })
    if (session.isServer) return
    session.send(encodeRegistryMessage({ type: 'notice', reason: 'record-refused', message }))
  }

  async #takeBundle(bundle: string, session: RegistrySession): Promise<void> {
    const { keys, logger, metrics } = this.#deps
    const { node } = session.membership
    // An agent knows more only where it was told so by another server, and said so when it came.
    if (!session.isServer && session.bundleSerial <= keys.trust.serial) return
    try {
      if (await keys.merge(bundle)) {
        logger.info('took over roots and revocations', {
          node,
          peer: session.peerId,
          serial: keys.trust.serial,
        })
      }
    } catch (error) {
      if (error instanceof TrustError) metrics.refusals.add({ reason: 'bad-bundle' })
      this.#warn('roots and revocations of a member were not taken over', {
        node,
        peer: session.peerId,
        error,
      })
    }
  }
}

type RecordRefusal =
  | Extract<ReturnType<typeof readPeerRecord>, { readonly kind: 'refused' }>['reason']
  | 'not-own'
  | 'superseded'

function isSame(a: PeerRecordWire, b: PeerRecordWire | undefined): boolean {
  return a.record === b?.record && a.certificate === b.certificate
}
