import { resetSocket } from '../../kernel/reset-socket.ts'
import type { OpenFlow } from '../../open-flows.ts'
import type { HttpClient } from '../http-client.ts'
import { type UpgradeRequest, upgradedStart } from './h2c-upgrade.ts'
import { type Http2Deps, Http2Flow } from './http2-flow.ts'

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'

/** Of a preface: as much as a SETTINGS frame may have, and what comes with it in one read. */
const MAX_UNREAD_BYTES = 131_072

/** A connection that becomes one of HTTP/2 by `Upgrade: h2c`; the request that asked for it becomes its stream 1. */
export interface Upgrade extends UpgradeRequest {
  /** As `upgradeSettings` read them. */
  readonly settings: Buffer
}

/**
 * Answers with 101, and makes the connection one of HTTP/2 whose stream 1 is that request (RFC 7540, 3.2). The request has no body;
 * what was read after it is back in the socket, which is in paused mode and goes on reading.
 */
export class UpgradedFlow implements OpenFlow {
  readonly ended: Promise<void>
  readonly #client: HttpClient
  readonly #upgrade: Upgrade
  readonly #deps: Http2Deps
  readonly #over = Promise.withResolvers<void>()
  readonly #late: Disposable
  #received: Buffer = Buffer.alloc(0)
  #flow: Http2Flow | undefined
  #isDraining = false

  constructor(client: HttpClient, upgrade: Upgrade, deps: Http2Deps) {
    this.#client = client
    this.#upgrade = upgrade
    this.#deps = deps
    this.ended = this.#over.promise
    this.#late = deps.timers.after(deps.options.headTimeoutMs, () => this.cut())
    const { socket } = client
    socket.on('readable', this.#onReadable)
    socket.on('close', this.#onClose)
    socket.write(SWITCHING)
    this.#onReadable()
  }

  drain(): void {
    this.#isDraining = true
    this.#flow?.drain()
  }

  cut(): void {
    if (this.#flow === undefined) resetSocket(this.#client.socket)
    else this.#flow.cut()
  }

  readonly #onClose = (): void => {
    this.#late[Symbol.dispose]()
    this.#over.resolve()
  }

  readonly #onReadable = (): void => {
    const { socket } = this.#client
    const more: unknown = socket.read()
    if (Buffer.isBuffer(more)) this.#received = Buffer.concat([this.#received, more])
    else if (socket.readableEnded) {
      this.cut()
      return
    }
    const { settings } = this.#upgrade
    const start = upgradedStart(settings, this.#upgrade, this.#received)
    if (start === 'malformed' || (start === undefined && this.#received.length > MAX_UNREAD_BYTES)) this.cut()
    else if (start !== undefined) this.#begin(start)
  }

  #begin(start: Buffer): void {
    const { socket } = this.#client
    socket.off('readable', this.#onReadable)
    socket.off('close', this.#onClose)
    this.#late[Symbol.dispose]()
    socket.unshift(start)
    this.#flow = new Http2Flow(this.#client, this.#deps)
    void this.#flow.ended.then(() => this.#over.resolve())
    // Its request has been read by then.
    if (this.#isDraining) setImmediate(() => this.#flow?.drain())
  }
}
