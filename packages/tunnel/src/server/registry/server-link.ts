import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { SessionEndedError } from '../../errors.ts'
import { BackOff } from '../../host/back-off.ts'
import { closeConnection } from '../../host/connections.ts'
import type { Host } from '../../host/host.ts'
import { endWith } from '../../host/linger.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import type { ClusterKeys } from '../../identity/cluster-keys.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  decodeRegistryMessage,
  encodeRegistryMessage,
  HELLO_FRAMES,
  REGISTRY_PROTOCOL,
  REGISTRY_VERSION,
  type Welcome,
} from '../../protocol/registry.ts'
import type { OwnRecord } from './own-record.ts'
import type { Registry } from './registry.ts'

export interface ServerLinkDeps {
  readonly host: Host
  readonly keys: ClusterKeys
  readonly registry: Registry
  readonly own: OwnRecord
  readonly timeoutMs: number
  readonly logger: Logger
}

/** `self`: the address is this server's own. `linked-otherwise`: linked with the server there, over another connection. */
export type ServerLinkState = 'linked' | 'linked-otherwise' | 'self' | 'down'

export interface ServerLinkStatus {
  readonly address: string
  readonly state: ServerLinkState
  /** Of the server there, once it was known. */
  readonly peer?: string
  /** Why it is down. */
  readonly trouble?: string
}

/** An address of this server's own may be another's some day. */
const SELF_RETRY_MS = 60_000
/** How soon the end of a link over another connection is noticed. */
const OTHER_POLL_MS = 500
/** The same failure is logged again after that long only. */
const REPEAT_LOG_AFTER_MS = 60_000

/** Keeps one address of another tunnel server linked: dials, says hello, follows, and begins again when it ends. */
export class ServerLink implements AsyncDisposable {
  readonly #address: string
  readonly #deps: ServerLinkDeps
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  readonly #backOff = new BackOff()
  readonly #running: Promise<void>
  #state: ServerLinkState = 'down'
  #peer: string | undefined
  #trouble: string | undefined
  #reportedAt = Number.NEGATIVE_INFINITY

  /** @param address - multiaddr with an IP and a port, without a PeerId */
  constructor(address: string, deps: ServerLinkDeps) {
    this.#address = address
    this.#deps = deps
    this.#logger = deps.logger.child({ server: address })
    this.#running = this.#run()
  }

  get status(): ServerLinkStatus {
    return {
      address: this.#address,
      state: this.#state,
      ...(this.#peer === undefined ? {} : { peer: this.#peer }),
      ...(this.#trouble === undefined ? {} : { trouble: this.#trouble }),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      let delayMs: number | undefined
      try {
        delayMs = await this.#attempt()
      } catch (error) {
        if (!signal.aborted) this.#report(error)
      }
      // Rejects only when this is disposed of, which the loop sees.
      await sleep(delayMs ?? this.#backOff.next(), undefined, { signal }).catch(() => {})
    }
  }

  /** @returns after what time to look again, where that is not the back-off's affair */
  async #attempt(): Promise<number | undefined> {
    if (this.#peer !== undefined && this.#deps.registry.isJoined(this.#peer)) {
      this.#set('linked-otherwise')
      return OTHER_POLL_MS
    }
    this.#peer = undefined
    const { signal } = this.#stopping
    const connection = await this.#dial()
    if (connection === 'self') return SELF_RETRY_MS
    const abort = (): void => connection.abort(new Error('the server stops'))
    signal.addEventListener('abort', abort)
    try {
      return await this.#hold(connection)
    } finally {
      signal.removeEventListener('abort', abort)
      await closeConnection(connection)
    }
  }

  async #dial(): Promise<Connection | 'self'> {
    try {
      return await this.#deps.host.dial(multiaddr(this.#address), this.#deadline())
    } catch (error) {
      // The only sign that libp2p gives of it, after the handshake.
      if (!(error instanceof Error) || !error.message.includes('dial self')) throw error
      this.#set('self')
      return 'self'
    }
  }

  async #hold(connection: Connection): Promise<number | undefined> {
    this.#peer = connection.remotePeer.toString()
    if (this.#deps.registry.isJoined(this.#peer)) {
      this.#set('linked-otherwise')
      return OTHER_POLL_MS
    }
    const stream = new StreamDuplex(
      await connection.newStream(REGISTRY_PROTOCOL, { signal: this.#deadline() }),
    )
    stream.on('error', (error) => this.#logger.debug('the link failed', { error }))
    try {
      const welcome = await this.#greet(stream)
      if (welcome === 'duplicate') {
        this.#set('linked-otherwise')
        return OTHER_POLL_MS
      }
      await this.#follow(stream, connection, welcome)
    } finally {
      stream.destroy()
    }
    throw new SessionEndedError('the other tunnel server ended the link')
  }

  async #greet(stream: StreamDuplex): Promise<Welcome | 'duplicate'> {
    const { own, keys } = this.#deps
    const { certificate, instance } = own
    const bundleSerial = keys.trust.serial
    const hello = { type: 'hello' as const, version: REGISTRY_VERSION, certificate, bundleSerial, instance }
    stream.write(encodeRegistryMessage(hello))
    const frame = await readFrame(stream, HELLO_FRAMES, this.#deadline())
    const message = frame === undefined ? undefined : decodeRegistryMessage(frame)
    if (message?.type === 'welcome') return message
    if (message?.type !== 'refused') throw new SessionEndedError('the server there did not answer hello')
    if (message.reason === 'duplicate') return 'duplicate'
    throw new SessionEndedError(`the server there refused the link: ${message.reason}, ${message.message}`)
  }

  async #follow(stream: StreamDuplex, connection: Connection, welcome: Welcome): Promise<void> {
    const { keys, registry } = this.#deps
    const { certificate, bundleSerial, instance } = welcome
    const peerId = connection.remotePeer.toString()
    const verdict = keys.trust.judge(certificate, { peerId, role: 'server' })
    if (verdict.kind === 'refused') {
      const { reason, message } = verdict
      await endWith(stream, encodeRegistryMessage({ type: 'refused', reason, message }))
      throw new SessionEndedError(`the server there is none of this cluster: ${reason}, ${message}`)
    }
    const { membership } = verdict
    const parts = { stream, connection, membership, certificate, instance, isDialled: true, bundleSerial }
    const taken = await registry.makeRoom(parts)
    if (taken !== undefined) {
      await endWith(stream, encodeRegistryMessage({ type: 'refused', ...taken }))
      return
    }
    this.#set('linked')
    this.#backOff.reset()
    await registry.follow(parts)
  }

  #deadline(): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#deps.timeoutMs)])
  }

  #set(state: ServerLinkState): void {
    this.#state = state
    this.#trouble = undefined
  }

  #report(error: unknown): void {
    const trouble = error instanceof Error ? error.message : String(error)
    const isRepeated = this.#trouble === trouble && performance.now() - this.#reportedAt < REPEAT_LOG_AFTER_MS
    this.#state = 'down'
    this.#trouble = trouble
    if (isRepeated) return
    this.#reportedAt = performance.now()
    this.#logger.warn('no link with a tunnel server, will retry', { error })
  }
}
