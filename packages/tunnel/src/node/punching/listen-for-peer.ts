import { createServer, isIPv6, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { cutSocket, plainIp } from '../../sockets.ts'
import { attemptFrom } from './attempt.ts'
import type { OpenPlan, OpenResult } from './open-result.ts'

/**
 * Opens this side's filter for the other side's address by one SYN to the port that it told, then takes the first connection
 * that comes from that address, from whatever port its NAT gave it. The order matters: Linux binds no socket to a port that
 * somebody listens on.
 *
 * Never rejects, and leaves no socket but the one that it returns.
 */
export async function listenForPeer(
  { localPort, remote }: OpenPlan,
  signal: AbortSignal,
): Promise<OpenResult> {
  const ended = new AbortController()
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>()
  const take = (socket: Socket): void => {
    if (ended.signal.aborted) cutSocket(socket)
    else resolve(socket)
    ended.abort()
  }
  const giveUp = (): void => {
    ended.abort()
    resolve(undefined)
  }
  void attemptFrom(localPort, remote, AbortSignal.any([signal, ended.signal])).then((knock) => {
    if (knock.kind === 'connected') take(knock.socket)
  })
  // In this turn its socket is bound, and its SYN sent.
  await nextTurn()
  const server = createServer((socket) => {
    // Stays: whoever takes the socket may find it reset before it has listeners of its own.
    socket.on('error', () => {})
    if (plainIp(socket.remoteAddress ?? '') === remote.ip) take(socket)
    else cutSocket(socket)
  })
  server.on('error', giveUp)
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  else server.listen({ port: localPort, host: isIPv6(remote.ip) ? '::' : '0.0.0.0' })
  const socket = await promise
  signal.removeEventListener('abort', giveUp)
  server.close()
  return socket === undefined ? { kind: 'timeout', attempts: 1 } : { kind: 'connected', socket, attempts: 1 }
}
