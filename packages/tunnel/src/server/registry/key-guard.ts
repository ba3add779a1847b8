import type { Logger } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import type { ClusterKeys } from '../../identity/cluster-keys.ts'
import { type Membership, revokedUntil } from '../../identity/membership.ts'
import type { ServerMetrics } from '../../metrics.ts'
import { MAX_MEMBERS } from '../../protocol/limits.ts'
import type { PeerBook } from '../../records/peer-book.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import type { RegistrySession } from './registry-session.ts'

const PING_PROTOCOL = '/ipfs/ping/1.0.0'
/** A node that was killed and comes back must get in at once; its former connection may not know yet. */
const ALIVE_TIMEOUT_MS = 1_500
/** The same key is told of again after that long. */
const REPEAT_MS = 60_000
const MAX_TOLD = 1_000
/** More are remembered only for members that are there. */
const MAX_TOKENS = 2 * MAX_MEMBERS

/** Whether the other side of a connection still answers: opening a stream takes a round trip. Never rejects. */
export async function isAnswering(connection: Connection): Promise<boolean> {
  const signal = AbortSignal.timeout(ALIVE_TIMEOUT_MS)
  try {
    const stream = await connection.newStream(PING_PROTOCOL, { signal })
    stream.abort(new Error('it was only asked whether anybody is there'))
    return true
  } catch (error) {
    return error instanceof Error && error.name === 'UnsupportedProtocolError'
  }
}

export interface KeyGuardDeps {
  readonly keys: ClusterKeys
  readonly book: PeerBook
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

/** Finds keys that two processes use (a cloned disk), and single-use tokens that two keys came by (a stolen token). */
export class KeyGuard implements Disposable {
  readonly #deps: KeyGuardDeps
  /** PeerIds by single-use token, of the members in the book. */
  readonly #byToken = new Map<string, Membership>()
  readonly #toldAt = new Map<string, number>()
  readonly #subscription: Disposable

  constructor(deps: KeyGuardDeps) {
    this.#deps = deps
    for (const { membership } of deps.book.records()) this.#remember(membership)
    this.#subscription = deps.book.onChange(({ kind, record }) => {
      if (kind === 'set') this.#remember(record.membership)
    })
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }

  /**
   * To be called with each record before it is taken in.
   *
   * @param holder - the session of the record's peer with this server, if there is one
   * @param isFromPeer - the record came from the peer itself, not from another server
   * @returns a sentence where another process uses the same key; `undefined` otherwise
   */
  async checkInstance(
    record: PeerRecord,
    { holder, isFromPeer }: { readonly holder: RegistrySession | undefined; readonly isFromPeer: boolean },
  ): Promise<string | undefined> {
    const known = this.#deps.book.byPeerId(record.peerId)
    if (isFromPeer) {
      // A process that started later has a greater epoch: this one was started before the one that is known.
      const isBehind = known !== undefined && known.instance !== record.instance && known.epoch > record.epoch
      if (!isBehind) return undefined
      return this.tell(
        record,
        'a process that started later has used the same key: is its disk a copy, or restored?',
      )
    }
    if (holder === undefined || holder.instance === record.instance) return undefined
    if (known !== undefined && known.epoch >= record.epoch) return undefined
    if (!(await isAnswering(holder.connection))) {
      holder.abort('the peer has another process by now')
      return undefined
    }
    return this.tell(
      record,
      'another process uses the same key at another tunnel server: is the disk a copy?',
    )
  }

  /** Says that a key is used twice, once a minute for each. @returns the sentence, for those who use it */
  tell({ node, peerId }: Pick<PeerRecord, 'node' | 'peerId'>, message: string): string {
    const now = performance.now()
    if (now - (this.#toldAt.get(peerId) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return message
    if (this.#toldAt.size >= MAX_TOLD) this.#toldAt.clear()
    this.#toldAt.set(peerId, now)
    this.#deps.metrics.clones.add({})
    this.#deps.logger.error('a key is in use twice', { node, peer: peerId, explanation: message })
    return message
  }

  /**
   * To be called with each record before it is taken in. Of two keys that came by one single-use token, the later one is
   * thrown out: servers that do not share their state can't see that at once.
   *
   * @returns false where the record's own key is the one
   */
  async checkToken({ membership }: PeerRecord): Promise<boolean> {
    const { token } = membership
    const first = token === undefined ? undefined : this.#byToken.get(token)
    if (first === undefined || first.peerId === membership.peerId) return true
    const [earlier, later] = isLater(membership, first) ? [first, membership] : [membership, first]
    this.#byToken.set(token ?? '', earlier)
    this.#deps.logger.error('a single-use join token was used by two keys: the later one is revoked', {
      ...{ token, node: earlier.node, peer: earlier.peerId },
      ...{ revokedNode: later.node, revokedPeer: later.peerId },
    })
    this.#deps.metrics.refusals.add({ reason: 'token-spent' })
    await this.#revoke(later)
    return later !== membership
  }

  async #revoke({ peerId, notBefore, notAfter }: Membership): Promise<void> {
    const { keys } = this.#deps
    try {
      const until = revokedUntil(keys.trust.clock.now(), notAfter - notBefore)
      await keys.revoke({ kind: 'peer', value: peerId, until })
    } catch (error) {
      this.#deps.logger.error('a key can not be revoked: the state of the cluster can not be stored', {
        peer: peerId,
        error,
      })
    }
  }

  /** The first one stays, also when it has left the book meanwhile. */
  #remember(membership: Membership): void {
    const { token } = membership
    if (token === undefined || this.#byToken.has(token)) return
    if (this.#byToken.size >= MAX_TOKENS) this.#forget()
    this.#byToken.set(token, membership)
  }

  /** Tokens whose members have left. */
  #forget(): void {
    for (const [token, { peerId }] of this.#byToken) {
      if (this.#deps.book.byPeerId(peerId) === undefined) this.#byToken.delete(token)
    }
  }
}

/** All servers must come to the same answer. */
function isLater(a: Membership, b: Membership): boolean {
  return a.issuedAt === b.issuedAt ? a.peerId > b.peerId : a.issuedAt > b.issuedAt
}
