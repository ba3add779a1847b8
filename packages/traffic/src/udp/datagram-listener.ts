import type { Socket } from 'node:dgram'
import type { ListenerAddress, Logger, ServicePortName } from '@edgeway/core'
import { Retirement } from '../listen/retirement.ts'
import type { HeldBackListener } from '../listen/service-port-listeners.ts'
import { listeningSocket } from './datagram-socket.ts'
import { PortSessions, type PortSessionsDeps } from './port-sessions.ts'
import { preferredPort } from './preferred-port.ts'

export interface DatagramListenerDeps extends PortSessionsDeps {
  readonly warn: Logger['warn']
}

interface Listening {
  readonly socket: Socket
  readonly address: ListenerAddress
  readonly sessions: PortSessions
}

/** Takes the datagrams for one ServicePort in one family, at a port that is the same after a restart where that is free. */
export class DatagramListener implements HeldBackListener {
  readonly service: ServicePortName
  readonly #deps: DatagramListenerDeps
  #listening: Listening | undefined
  readonly #retirement = new Retirement()
  #isClosed = false

  constructor(service: ServicePortName, deps: DatagramListenerDeps) {
    this.service = service
    this.#deps = deps
  }

  get address(): ListenerAddress | undefined {
    return this.isRetired ? undefined : this.#listening?.address
  }

  get isRetired(): boolean {
    return this.#retirement.hasBegun
  }

  get sessions(): PortSessions | undefined {
    return this.#listening?.sessions
  }

  async listen(ip: string): Promise<void> {
    const socket = await this.#bind(ip)
    if (this.#isClosed) {
      socket.close()
      return
    }
    const { service } = this
    const address = { ip, port: socket.address().port }
    const sessions = new PortSessions({ service, socket, address }, this.#deps)
    this.#listening = { socket, address, sessions }
    socket.on('message', (datagram, from) => {
      if (this.isRetired) this.#deps.counts.dropped('not-served')
      else sessions.receive(datagram, from)
    })
    // What fails is one datagram: the socket itself goes on.
    socket.on('error', (error) => this.#deps.warn('a UDP listener failed to read', { service, error }))
  }

  /** Another ServicePort may have the preferred port, or somebody else of the node. */
  async #bind(ip: string): Promise<Socket> {
    try {
      return await listeningSocket({ ip, port: preferredPort(this.service) })
    } catch {
      return await listeningSocket({ ip, port: 0 })
    }
  }

  /** Its sessions end now; what still comes is dropped. */
  retire(holdBackMs: number, onClosed: () => void): void {
    this.sessions?.endAll('cut')
    this.#retirement.begin(holdBackMs, () => {
      this.close()
      onClosed()
    })
  }

  reinstate(): void {
    this.#retirement.end()
  }

  close(): void {
    this.#retirement[Symbol.dispose]()
    if (this.#isClosed) return
    this.#isClosed = true
    this.sessions?.endAll('cut')
    this.#listening?.socket.close()
  }
}
