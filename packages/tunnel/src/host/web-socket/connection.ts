import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { AbortOptions, MultiaddrConnection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type AbstractMultiaddrConnectionInit } from '@libp2p/utils'
import type { WebSocket } from 'ws'
import { WEB_SOCKET_LIMITS } from '../limits.ts'

/** RFC 6455, 7.4.1 */
const NORMAL_CLOSURE = 1000
const ABNORMAL_CLOSURE = 1006
const UNSUPPORTED_DATA = 1003

export interface WebSocketConnectionInit
  extends Pick<AbstractMultiaddrConnectionInit, 'remoteAddr' | 'direction' | 'log'> {
  /** Open. */
  readonly webSocket: WebSocket
  /** The one under it: TCP, or TLS. It knows whether there is room for more. */
  readonly socket: Duplex
}

/**
 * A WebSocket as libp2p's transports hand it on: bytes with back-pressure both ways, by the socket under it. (That of
 * `@libp2p/websockets` 10.1 fills up to 4 MiB, then asks every 10 ms whether all of them have gone, and never stops reading.)
 */
class WebSocketConnection extends AbstractMultiaddrConnection {
  readonly #webSocket: WebSocket
  /** Public, as libp2p's own TCP has it: see `localIpOf` and `socketFdOf`. */
  readonly socket: Duplex

  constructor({ webSocket, socket, ...init }: WebSocketConnectionInit) {
    super({ ...init, maxMessageSize: WEB_SOCKET_LIMITS.messageBytes })
    this.#webSocket = webSocket
    this.socket = socket
    webSocket.on('message', (data, isBinary) => {
      if (isBinary && Buffer.isBuffer(data)) this.onData(data)
      else webSocket.close(UNSUPPORTED_DATA, 'expected binary messages')
    })
    socket.on('drain', () => this.safeDispatchEvent('drain'))
    webSocket.on('error', (error) => this.abort(error))
    webSocket.on('close', (code) => {
      if (this.status !== 'open' && this.status !== 'closing') return
      if (code === ABNORMAL_CLOSURE) this.onRemoteReset()
      else this.onTransportClosed()
    })
  }

  override sendData(data: { readonly byteLength: number; subarray(): Uint8Array }) {
    // Counted before: libp2p consumes the list that it handed over.
    const sentBytes = data.byteLength
    this.#webSocket.send(data.subarray(), { binary: true })
    return { sentBytes, canSendMore: !this.socket.writableNeedDrain }
  }

  override async sendClose(options: AbortOptions = {}): Promise<void> {
    if (this.#webSocket.readyState === this.#webSocket.CLOSED) return
    const closed = once(this.#webSocket, 'close', options)
    this.#webSocket.close(NORMAL_CLOSURE)
    await closed
  }

  override sendReset(): void {
    this.#webSocket.terminate()
  }

  override sendPause(): void {
    this.#webSocket.pause()
  }

  override sendResume(): void {
    this.#webSocket.resume()
  }
}

export function toMultiaddrConnection(init: WebSocketConnectionInit): MultiaddrConnection {
  return new WebSocketConnection(init)
}
