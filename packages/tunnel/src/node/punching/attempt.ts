import { connect, type Socket } from 'node:net'
import type { Mapping } from '../../nat-type.ts'
import { plainIp } from '../../sockets.ts'

/** One SYN of its own. `refused`: it was answered by a reset; `failed`: this host could not send it, or a router said no. */
export type Attempt =
  | { readonly kind: 'connected'; readonly socket: Socket }
  | { readonly kind: 'refused' | 'failed' | 'aborted' }

const REFUSALS: readonly unknown[] = ['ECONNREFUSED', 'ECONNRESET']

/** Connects from that local port. Never rejects; nothing is left of an attempt that did not succeed. */
export function attemptFrom(localPort: number, remote: Mapping, signal: AbortSignal): Promise<Attempt> {
  const { promise, resolve } = Promise.withResolvers<Attempt>()
  if (signal.aborted) return Promise.resolve({ kind: 'aborted' })
  const socket = connect({ host: remote.ip, port: remote.port, localPort, noDelay: true })
  const abort = (): void => {
    socket.destroy()
    resolve({ kind: 'aborted' })
  }
  signal.addEventListener('abort', abort, { once: true })
  // Stays: whoever takes the socket may find it reset before it has listeners of its own.
  socket.on('error', (error) => resolve({ kind: isRefusal(error) ? 'refused' : 'failed' }))
  socket.once('connect', () => {
    if (!isOwn(socket)) resolve({ kind: 'connected', socket })
    else {
      socket.destroy()
      resolve({ kind: 'failed' })
    }
  })
  return promise.finally(() => signal.removeEventListener('abort', abort))
}

/** A port that dials itself is connected with itself. */
function isOwn({ localAddress = '', localPort, remoteAddress = '', remotePort }: Socket): boolean {
  return localPort === remotePort && plainIp(localAddress) === plainIp(remoteAddress)
}

function isRefusal(error: Error): boolean {
  return 'code' in error && REFUSALS.includes(error.code)
}
