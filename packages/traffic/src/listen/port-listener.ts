import type { Server, Socket } from 'node:net'
import type { ListenerAddress } from '@edgeway/core'
import { Retirement } from './retirement.ts'
import { addressOf, listenTcp, stopAccepting } from './tcp-server.ts'

export interface PortListenerDeps {
  /** @param isRetired - the connection is to be refused */
  onSocket(socket: Socket, isRetired: boolean): void
  onFatal(error: Error): void
}

/** A listener on a port that the kernel chooses; once retired it keeps the port for a while, so that nobody else gets it. */
export class PortListener {
  readonly #deps: PortListenerDeps
  #server: Server | undefined
  readonly #retirement = new Retirement()
  #isClosed = false

  constructor(deps: PortListenerDeps) {
    this.#deps = deps
  }

  /** Where connections are accepted; `undefined` before, and once retired. */
  get address(): ListenerAddress | undefined {
    if (this.isRetired || this.#server?.listening !== true) return undefined
    return addressOf(this.#server)
  }

  get isRetired(): boolean {
    return this.#retirement.hasBegun
  }

  /** @throws {Error} when the address can't be bound */
  async listen(ip: string): Promise<void> {
    const { onSocket, onFatal } = this.#deps
    const server = await listenTcp(
      { ip, port: 0 },
      { onSocket: (socket) => onSocket(socket, this.isRetired), onFatal },
    )
    if (this.#isClosed) stopAccepting(server)
    else this.#server = server
  }

  /** From here on its connections are to be refused; after `holdBackMs` it closes and says so. */
  retire(holdBackMs: number, onClosed: () => void): void {
    this.#retirement.begin(holdBackMs, () => {
      this.close()
      onClosed()
    })
  }

  /** Takes a retirement back: it is there again at once, on the same port. */
  reinstate(): void {
    this.#retirement.end()
  }

  /** Stops accepting; connections that were accepted go on. */
  close(): void {
    this.#retirement[Symbol.dispose]()
    this.#isClosed = true
    if (this.#server !== undefined) stopAccepting(this.#server)
  }
}
