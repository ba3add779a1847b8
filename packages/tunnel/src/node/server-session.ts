import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger, NodeName } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { JoinRefusedError, JoinTokenError, SessionEndedError } from '../errors.ts'
import { closeConnection } from '../host/connections.ts'
import type { AgentHost } from '../host/host.ts'
import { StreamDuplex } from '../host/stream-duplex.ts'
import type { JoinToken } from '../identity/former-join-token.ts'
import type { PeerBook } from '../peer-book.ts'
import { readFrame } from '../protocol/frames.ts'
import {
  decodeServerMessage,
  encodeAgentMessage,
  REGISTRY_PROTOCOL,
  REGISTRY_VERSION,
  SERVER_FRAMES,
  type ServerMessage,
} from '../protocol/registry.ts'
import { abortable } from './abortable.ts'
import { BackOff } from './back-off.ts'

/** The same failure is logged again after that long only: attempts are seconds apart. */
const REPEAT_LOG_AFTER_MS = 60_000
/** A session that ends sooner was no success: two nodes with one key would push each other out without a pause. */
const LASTING_MS = 5_000

export interface ServerSessionDeps {
  readonly host: AgentHost
  readonly book: PeerBook
  readonly logger: Logger
  readonly nodeName: NodeName
  readonly joinTimeoutMs: number
  /** Read anew at each attempt. */
  readToken(): Promise<JoinToken>
  /** Where others can dial this node, at this moment. */
  ownAddresses(): readonly string[]
  /** PeerIds of servers that some session of this node is busy with: two addresses may be of one server. */
  readonly claimed: Set<string>
  /** Called after each change of `relay`. */
  changed(): void
}

/**
 * Keeps this node joined to one tunnel server, with a reservation at its relay. Whatever ends (the connection, the
 * stream, the reservation), all of it is ended, and a new attempt follows: js-libp2p never comes back by itself.
 */
export class ServerSession implements AsyncDisposable {
  readonly #address: Multiaddr
  readonly #deps: ServerSessionDeps
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  readonly #supervised: Promise<void>
  readonly #backOff = new BackOff()
  #relay: Multiaddr | undefined
  /** While joined. */
  #stream: StreamDuplex | undefined
  /** The addresses that the server has of this node. */
  #told: readonly string[] = []
  #trouble = 'no attempt was made yet'
  #reported = { trouble: '', at: Number.NEGATIVE_INFINITY }

  constructor(address: Multiaddr, deps: ServerSessionDeps) {
    this.#address = address
    this.#deps = deps
    this.#logger = deps.logger.child({ server: address.toString() })
    this.#supervised = this.#supervise()
  }

  /** The relay's address, with its PeerId, while this node is joined and holds a reservation. */
  get relay(): Multiaddr | undefined {
    return this.#relay
  }

  /** Why there is no session now; the reason of the last failure otherwise. */
  get trouble(): string {
    return `${this.#address}: ${this.#trouble}`
  }

  /** Tells the server this node's addresses if they are others than those it was told last. */
  announce(): void {
    const addresses = this.#deps.ownAddresses()
    if (!this.#stream?.writable || addresses.join() === this.#told.join()) return
    this.#told = addresses
    this.#stream.write(encodeAgentMessage({ type: 'addresses', addresses }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#supervised
  }

  async #supervise(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#attempt()
      } catch (error) {
        if (!signal.aborted) this.#report(error)
      }
      this.#setRelay(undefined)
      // Rejects only when this session is disposed of, which the loop sees.
      await sleep(this.#backOff.next(), undefined, { signal }).catch(() => {})
    }
  }

  async #attempt(): Promise<void> {
    const token = await this.#deps.readToken()
    const { claimed } = this.#deps
    if (claimed.has(token.serverPeerId)) {
      this.#trouble = 'is another address of a server that is in use already'
      return
    }
    claimed.add(token.serverPeerId)
    try {
      const connection = await this.#dial(token)
      try {
        await this.#hold(connection, token)
      } finally {
        await closeConnection(connection)
      }
    } finally {
      claimed.delete(token.serverPeerId)
    }
  }

  async #dial({ serverPeerId }: JoinToken): Promise<Connection> {
    try {
      return await this.#deps.host.dial(multiaddr(`${this.#address}/p2p/${serverPeerId}`), this.#deadline())
    } catch (error) {
      // The only trace that noise's refusal of another identity leaves is its text.
      if (!(error instanceof Error) || !error.message.includes('does not match expected')) throw error
      throw new JoinTokenError('the server there is not the one of the join token: get its new token', {
        cause: error,
      })
    }
  }

  /** Joins, reserves, and returns or throws when any of it has ended. */
  async #hold(connection: Connection, token: JoinToken): Promise<void> {
    const { host, book } = this.#deps
    const server = connection.remotePeer
    const lost = new AbortController()
    const since = performance.now()
    using _ = host.onReservationLost((relay) => {
      if (relay.equals(server)) lost.abort(new SessionEndedError('the reservation at the relay was lost'))
    })
    const options = { signal: this.#deadline() }
    const stream = new StreamDuplex(await connection.newStream(REGISTRY_PROTOCOL, options))
    stream.on('error', (error) => lost.abort(error))
    try {
      book.replace(server.toString(), await this.#join(stream, token))
      this.#stream = stream
      await abortable(host.reserve(server), AbortSignal.any([lost.signal, this.#deadline()]))
      this.#setRelay(connection.remoteAddr)
      this.#logger.info('joined the tunnel server', { peer: server.toString(), peers: book.size })
      await this.#follow(stream, server.toString(), AbortSignal.any([lost.signal, this.#stopping.signal]))
    } finally {
      if (performance.now() - since > LASTING_MS) this.#backOff.reset()
      this.#stream = undefined
      stream.destroy()
    }
  }

  async #join(stream: StreamDuplex, { secret }: JoinToken) {
    const { nodeName, ownAddresses } = this.#deps
    const addresses = ownAddresses()
    this.#told = addresses
    stream.write(
      encodeAgentMessage({
        type: 'join',
        version: REGISTRY_VERSION,
        node: nodeName,
        token: secret,
        addresses,
      }),
    )
    const message = await this.#read(stream, this.#deadline())
    if (message?.type === 'refused') throw new JoinRefusedError(message.reason, message.message)
    if (message?.type !== 'welcome')
      throw new SessionEndedError('the server ended the session instead of a welcome')
    return message.peers
  }

  async #follow(stream: StreamDuplex, server: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const message = await this.#read(stream, signal)
      if (message === undefined) throw new SessionEndedError('the server ended the session')
      if (message.type === 'peer') this.#deps.book.set(server, message)
      if (message.type === 'gone') this.#deps.book.remove(server, message.peerId)
      this.#deps.changed()
    }
  }

  /** The next message of a known type; `undefined` at the end of the stream. */
  async #read(stream: StreamDuplex, signal: AbortSignal): Promise<ServerMessage | undefined> {
    for (;;) {
      const frame = await readFrame(stream, SERVER_FRAMES, signal)
      if (frame === undefined) return undefined
      const message = decodeServerMessage(frame)
      if (message !== undefined) return message
    }
  }

  #deadline(): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#deps.joinTimeoutMs)])
  }

  #setRelay(relay: Multiaddr | undefined): void {
    this.#relay = relay
    this.#deps.changed()
  }

  #report(error: unknown): void {
    const trouble = error instanceof Error ? error.message : String(error)
    this.#trouble = trouble
    const isRepeated = trouble === this.#reported.trouble
    if (isRepeated && performance.now() - this.#reported.at < REPEAT_LOG_AFTER_MS) return
    this.#reported = { trouble, at: performance.now() }
    if (error instanceof JoinTokenError)
      this.#logger.error('can not join without a valid join token, will retry', { error })
    else if (error instanceof JoinRefusedError) {
      this.#logger.error('the tunnel server refused this node, will retry', { reason: error.reason, error })
    } else this.#logger.warn('no session with the tunnel server, will retry', { error })
  }
}
