import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { AbortOptions, MultiaddrConnection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type AbstractMultiaddrConnectionInit } from '@libp2p/utils'

export interface PunchedConnectionInit
  extends Pick<AbstractMultiaddrConnectionInit, 'remoteAddr' | 'direction' | 'log'> {
  /** Connected. */
  readonly socket: Socket
}

/** A TCP connection that no transport of libp2p has made: bytes with back-pressure both ways, by the socket itself. */
class PunchedConnection extends AbstractMultiaddrConnection {
  /** Public, as libp2p's own TCP has it: `localIpOf` finds out what it is bound to. */
  readonly socket: Socket

  constructor({ socket, ...init }: PunchedConnectionInit) {
    super(init)
    this.socket = socket
    socket.on('data', (data) => this.onData(data))
    socket.on('drain', () => this.safeDispatchEvent('drain'))
    socket.on('error', (error) => {
      if (this.#isOver()) return
      if ('code' in error && error.code === 'ECONNRESET') this.onRemoteReset()
      else this.abort(error)
    })
    // Half-open TCP is not used: after the other side's FIN the socket ends by itself, and this follows.
    socket.on('close', () => {
      if (!this.#isOver()) this.onTransportClosed()
    })
  }

  override sendData(data: Iterable<Uint8Array> & { readonly byteLength: number }) {
    // Counted before: libp2p consumes the list that it handed over.
    const sentBytes = data.byteLength
    this.socket.cork()
    for (const chunk of data) this.socket.write(chunk)
    this.socket.uncork()
    return { sentBytes, canSendMore: !this.socket.writableNeedDrain }
  }

  override async sendClose(options: AbortOptions = {}): Promise<void> {
    if (this.socket.closed) return
    const closed = once(this.socket, 'close', options)
    this.socket.destroySoon()
    await closed
  }

  override sendReset(): void {
    // libuv can't reset what it is shutting down.
    if (this.socket.writableEnded) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  override sendPause(): void {
    this.socket.pause()
  }

  override sendResume(): void {
    this.socket.resume()
  }

  #isOver(): boolean {
    return this.status !== 'open' && this.status !== 'closing'
  }
}

export function toMultiaddrConnection(init: PunchedConnectionInit): MultiaddrConnection {
  return new PunchedConnection(init)
}
