import { connect, type Socket } from 'node:net'
import type { Dialer, DialTarget, EndpointAddress, EndpointConnection, Path } from '@edgeway/core'
import { keepAlive } from '../kernel/keep-alive.ts'
import { resetSocket } from '../kernel/reset-socket.ts'
import { dialErrorOf } from './dial-error.ts'

/** Connects by plain TCP from this node. */
export class DirectDialer implements Dialer {
  readonly #path: Path

  constructor(path: Extract<Path, 'local' | 'routed'>) {
    this.#path = path
  }

  async dial({ endpoint }: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    signal.throwIfAborted()
    const socket = await connected(endpoint, signal)
    return { path: this.#path, stream: socket, reset: () => resetSocket(socket) }
  }
}

const SOCKET_OPTIONS = { allowHalfOpen: true, noDelay: true }

function connected(endpoint: EndpointAddress, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect({ ...SOCKET_OPTIONS, host: endpoint.ip, port: endpoint.port })
  const abort = (): void => {
    socket.destroy()
    reject(signal.reason)
  }
  const fail = (error: Error): void => {
    signal.removeEventListener('abort', abort)
    reject(dialErrorOf(endpoint, error))
  }
  signal.addEventListener('abort', abort, { once: true })
  socket.once('error', fail)
  socket.once('connect', () => {
    signal.removeEventListener('abort', abort)
    socket.off('error', fail)
    keepAlive(socket)
    // Until the new owner listens, an early reset must not be an unhandled error; `destroyed` tells it.
    socket.on('error', () => {})
    resolve(socket)
  })
  return promise
}
