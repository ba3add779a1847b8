import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { closeConnection } from '../../host/connections.ts'
import { endWith } from '../../host/linger.ts'
import type { StreamDuplex } from '../../host/stream-duplex.ts'
import type { Membership } from '../../identity/membership.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  decodeRegistryMessage,
  encodeRecords,
  encodeRegistryMessage,
  REGISTRY_FRAMES,
  type RegistryMessage,
  type RegistryRefusal,
} from '../../protocol/registry.ts'
import type { PeerRecordWire } from '../../records/peer-record.ts'

/** A session that reads slower than changes come is ended when that much waits for it. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
/** What was asked for waits while that much is on its way: changes come in between. */
const PACED_BYTES = 512 * 1024
/** Records that are looked up and written at once. */
const ANSWER_BATCH = 200

/** An agent may send that many messages at once, and so many per second in the long run; then it is read more slowly. */
const BURST = 100
const MESSAGES_PER_SECOND = 20
/** So much of a message counts as another one. */
const MESSAGE_BYTES = 64 * 1024

export interface SessionParts {
  readonly stream: StreamDuplex
  readonly connection: Connection
  readonly membership: Membership
  readonly certificate: string
  readonly instance: string
  /** This process made the connection; false: the other side. */
  readonly isDialled: boolean
  /** Of the bundle that the other side knows. */
  readonly bundleSerial: number
}

/** One member that is connected, and has proven who it is: what is said to it, and what it says. */
export class RegistrySession {
  readonly peerId: string
  readonly connection: Connection
  readonly instance: string
  readonly isDialled: boolean
  readonly bundleSerial: number
  /** By the newest certificate that the member has shown. */
  membership: Membership
  certificate: string
  readonly #stream: StreamDuplex
  readonly #tooSlow: (session: RegistrySession) => void
  readonly #wanted = new Set<string>()
  #isAnswering = false
  #credit = BURST
  #creditedAt = performance.now()
  #isEnding = false

  /** @param tooSlow - called when the member does not read what it is sent: the session is to be ended */
  constructor(parts: SessionParts, tooSlow: (session: RegistrySession) => void) {
    this.peerId = parts.connection.remotePeer.toString()
    this.connection = parts.connection
    this.instance = parts.instance
    this.isDialled = parts.isDialled
    this.bundleSerial = parts.bundleSerial
    this.membership = parts.membership
    this.certificate = parts.certificate
    this.#stream = parts.stream
    this.#tooSlow = tooSlow
  }

  get isServer(): boolean {
    return this.membership.role === 'server'
  }

  send(frame: Buffer): void {
    if (!this.#stream.writable) return
    this.#stream.write(frame)
    if (this.#stream.writableLength > MAX_WAITING_BYTES) this.#tooSlow(this)
  }

  /** Sends records that were asked for, as fast as the member reads them. */
  answer(keys: readonly string[], find: (key: string) => PeerRecordWire | undefined): void {
    // What is not there is not remembered: the peer may ask for anything.
    for (const key of keys) if (find(key) !== undefined) this.#wanted.add(key)
    if (!this.#isAnswering) void this.#answer(find)
  }

  /**
   * The next message of a known type; `undefined` at the end. An agent that sends too many waits.
   *
   * @throws {ProtocolError | StreamResetError}
   */
  async read(): Promise<RegistryMessage | undefined> {
    for (;;) {
      if (!this.isServer) await this.#spendCredit()
      const frame = await readFrame(this.#stream, REGISTRY_FRAMES, NEVER)
      if (frame === undefined) return undefined
      this.charge(frame.length / MESSAGE_BYTES)
      const message = decodeRegistryMessage(frame)
      if (message !== undefined) return message
    }
  }

  /** What the member said was as much work as that many messages more: an agent waits for it. */
  charge(messages: number): void {
    this.#credit -= messages
  }

  /** Tells the member why its session ends, and closes its connection. Never rejects. */
  async end(reason: RegistryRefusal, message: string): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    await endWith(this.#stream, encodeRegistryMessage({ type: 'refused', reason, message }))
    await closeConnection(this.connection)
  }

  /** Closes the connection at once, without a word. */
  abort(why: string): void {
    this.#isEnding = true
    this.connection.abort(new Error(why))
  }

  async #answer(find: (key: string) => PeerRecordWire | undefined): Promise<void> {
    this.#isAnswering = true
    while (this.#wanted.size > 0 && this.#stream.writable) {
      const keys = [...this.#wanted.values().take(ANSWER_BATCH)]
      for (const key of keys) this.#wanted.delete(key)
      for (const frame of encodeRecords(keys.map(find).filter((record) => record !== undefined))) {
        this.#stream.write(frame)
      }
      if (this.#stream.writableLength > PACED_BYTES) await drained(this.#stream)
    }
    this.#wanted.clear()
    this.#isAnswering = false
  }

  async #spendCredit(): Promise<void> {
    const now = performance.now()
    const earned = ((now - this.#creditedAt) / 1_000) * MESSAGES_PER_SECOND
    this.#credit = Math.min(BURST, this.#credit + earned) - 1
    this.#creditedAt = now
    if (this.#credit < 0) await sleep((-this.#credit / MESSAGES_PER_SECOND) * 1_000)
  }
}

const NEVER = new AbortController().signal

async function drained(stream: StreamDuplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const event of ['drain', 'close'] as const) stream.on(event, resolve)
  if (!stream.writableNeedDrain || stream.destroyed) resolve()
  await promise
  for (const event of ['drain', 'close'] as const) stream.off(event, resolve)
}
