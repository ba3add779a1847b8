import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Logger, limitedWarn, type NodeName } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { ServerRefusalError, SessionEndedError, TrustError } from '../../errors.ts'
import type { StreamDuplex } from '../../host/stream-duplex.ts'
import type { Trust } from '../../identity/trust.ts'
import { readTrustBundle } from '../../identity/trust-bundle.ts'
import { type RecordVersion, recordKey, versionOf } from '../../protocol/record-version.ts'
import {
  encodeRecords,
  encodeRegistryMessage,
  type RegistryMessage,
  type Welcome,
} from '../../protocol/registry.ts'
import type { PeerBook } from '../../records/peer-book.ts'
import type { PeerRecord, PeerRecordWire } from '../../records/peer-record.ts'
import { type IntakeDeps, takeRecord } from '../../records/record-intake.ts'
import type { LookupSource } from '../dht/peer-lookup.ts'
import type { NodeIdentity } from '../membership/node-identity.ts'
import type { OwnRecord } from '../own-reach/own-record.ts'
import { RecordRequests } from './record-requests.ts'
import { type Greeting, greet, readMessage } from './registry-greeting.ts'

export interface RegistryLinkDeps {
  readonly identity: NodeIdentity
  readonly book: PeerBook
  readonly ownRecord: OwnRecord
  /** As of `IntakeDeps.read`. */
  readonly readRecord?: IntakeDeps['read']
  readonly logger: Logger
}

/**
 * One registry stream to a tunnel server that has proven itself: tells it of this node, takes what it tells of others,
 * and asks it for nodes.
 */
export class RegistryLink implements LookupSource, Disposable {
  readonly welcome: Welcome
  /** Between hello and welcome, so with the server's work in it. */
  readonly rttMs: number
  readonly #stream: StreamDuplex
  readonly #deps: RegistryLinkDeps
  readonly #openedWith: Trust
  readonly #pending: RegistryMessage[]
  readonly #warn: Logger['warn']
  readonly #error: Logger['warn']
  readonly #requests: RecordRequests
  readonly #lookups = new Map<number, PromiseWithResolvers<PeerRecordWire | undefined>>()
  #lastLookup = 0
  /** Of the newest trust bundle that the server has, as far as known. */
  #theirSerial: number
  #published: PeerRecord | undefined

  private constructor(opened: Greeting, trust: Trust, deps: RegistryLinkDeps) {
    this.#stream = opened.stream
    this.welcome = opened.welcome
    this.rttMs = opened.rttMs
    this.#theirSerial = opened.welcome.bundleSerial
    this.#openedWith = trust
    this.#pending = opened.pending
    this.#requests = new RecordRequests(opened.rttMs, (keys) => this.#send({ type: 'want', keys }))
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
    this.#error = limitedWarn({ warn: (message, fields) => deps.logger.error(message, fields) }, 1)
  }

  /**
   * @throws {ServerRefusalError} when the server does not take this node's certificate
   * @throws {UntrustedServerError} when this node does not take the server's
   */
  static async open(
    connection: Connection,
    signal: AbortSignal,
    deps: RegistryLinkDeps,
  ): Promise<RegistryLink> {
    const { trust } = deps.identity
    if (trust === undefined) throw new TypeError('a node without a certificate can not be welcome')
    const greeting = await greet(connection, signal, { identity: deps.identity, trust })
    const link = new RegistryLink(greeting, trust, deps)
    link.publishTrust()
    return link
  }

  /** Tells the server of this node, if it wasn't told the same already. */
  publish(): void {
    const { current } = this.#deps.ownRecord
    if (current === undefined || current === this.#published || !this.#stream.writable) return
    this.#published = current
    this.#send({ type: 'records', records: [current.wire] })
  }

  /** Tells the server of the trust that this node has, where the server's is older. */
  publishTrust(): void {
    const { bundle, serial } = this.#trust
    if (bundle === undefined || serial <= this.#theirSerial || !this.#stream.writable) return
    this.#theirSerial = serial
    this.#send({ type: 'bundle', bundle })
  }

  async lookup(node: NodeName, signal: AbortSignal): Promise<PeerRecord | undefined> {
    const id = ++this.#lastLookup
    const answer = Promise.withResolvers<PeerRecordWire | undefined>()
    const abort = (): void => answer.reject(signal.reason)
    this.#lookups.set(id, answer)
    signal.addEventListener('abort', abort, { once: true })
    try {
      this.#send({ type: 'lookup', id, node })
      const wire = await answer.promise
      if (wire !== undefined) this.#takeRecord(wire)
      return this.#deps.book.byNode(node)
    } finally {
      signal.removeEventListener('abort', abort)
      this.#lookups.delete(id)
    }
  }

  /** Takes what the server tells, until the session ends. Always rejects. */
  async follow(signal: AbortSignal): Promise<never> {
    for (const message of this.#pending.splice(0)) await this.#handle(message)
    for (;;) {
      const message = await readMessage(this.#stream, signal)
      if (message === undefined) throw new SessionEndedError('the server ended the session')
      await this.#handle(message)
    }
  }

  [Symbol.dispose](): void {
    const ended = new SessionEndedError('the session has ended')
    for (const { reject } of this.#lookups.values()) reject(ended)
    this.#requests[Symbol.dispose]()
    this.#stream.destroy()
  }

  /** A new one takes the place of the old one when the node enrols anew. */
  get #trust(): Trust {
    return this.#deps.identity.trust ?? this.#openedWith
  }

  async #handle(message: RegistryMessage): Promise<void> {
    switch (message.type) {
      case 'refused':
        throw new ServerRefusalError(message.reason, message.message)
      case 'bundle':
        return this.#adopt(message.bundle)
      case 'have':
        return this.#want(message.entries)
      case 'want':
        return this.#answer(message.keys)
      case 'records':
        for (const wire of message.records) this.#requests.received(this.#takeRecord(wire))
        // Signatures cost time, and there may be thousands.
        await nextTurn()
        return
      case 'found':
        return this.#lookups.get(message.id)?.resolve(message.record)
      case 'notice':
        return this.#notice(message)
      default:
        return
    }
  }

  #adopt(bundle: string): void {
    try {
      this.#trust.adopt(bundle)
      // What it sent it has; an older one gets this node's in return.
      this.#theirSerial = Math.max(this.#theirSerial, readTrustBundle(bundle).bundle.serial)
      this.publishTrust()
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
      this.#warn('the server sent a trust bundle that can not be taken', { reason: error.reason, error })
    }
  }

  #want(entries: readonly RecordVersion[]): void {
    const known = this.#known()
    const keys = entries
      .filter(({ key, version }) => {
        const record = known.get(key)
        return record === undefined || versionOf(record) !== version
      })
      .map(({ key }) => key)
      .filter((key) => key !== recordKey(this.#deps.identity.peerId))
    this.#requests.add(keys)
  }

  #answer(keys: readonly string[]): void {
    const known = this.#known()
    const records = keys.map((key) => known.get(key)?.wire).filter((wire) => wire !== undefined)
    for (const frame of encodeRecords(records)) this.#stream.write(frame)
  }

  #known(): Map<string, PeerRecord> {
    const { book, ownRecord } = this.#deps
    const own = ownRecord.current === undefined ? [] : [ownRecord.current]
    return new Map([...book.records(), ...own].map((record) => [recordKey(record.peerId), record]))
  }

  /** @returns its key, unless it can't be believed */
  #takeRecord(wire: PeerRecordWire): string | undefined {
    const { book, identity, ownRecord, readRecord: read } = this.#deps
    const taken = takeRecord(wire, { trust: this.#trust, book, except: identity.peerId, read })
    if (taken.kind === 'refused') {
      // Tunnel servers are in their registry, too.
      if (taken.reason !== 'wrong-role')
        this.#warn('the server told of a peer that is not believed', {
          reason: taken.reason,
          explanation: taken.message,
        })
      return undefined
    }
    if (taken.kind === 'own' && ownRecord.isForeign(taken.record) === 'clone')
      this.#cloned(
        `another process has told the servers of itself with this node's key since this one started`,
      )
    return recordKey(taken.record.peerId)
  }

  #notice({ reason, message }: Extract<RegistryMessage, { type: 'notice' }>): void {
    if (reason === 'key-in-use') this.#cloned(message)
    else this.#warn('the tunnel server has something to say', { reason, explanation: message })
  }

  #cloned(explanation: string): void {
    this.#error(
      "this node's key is in use elsewhere; if its disk was copied, delete key, identity.json and peers.json on the copy",
      { reason: 'key-in-use', explanation },
    )
  }

  #send(message: RegistryMessage): void {
    this.#stream.write(encodeRegistryMessage(message))
  }
}
