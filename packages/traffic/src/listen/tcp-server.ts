import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { ListenerAddress } from '@edgeway/core'
import type { PrepareServer } from '../kernel/inherited-options.ts'
import { keepAlive } from '../kernel/keep-alive.ts'

/** Connections that the kernel queues before they are accepted. */
const BACKLOG = 4_096

export interface TcpServerDeps {
  onSocket(socket: Socket): void
  /** Unless given, each connection is prepared by itself. One that comes while the server begins to listen may miss it. */
  readonly prepare?: PrepareServer | undefined
  /** The server can't accept any more. Running out of descriptors is not among it: libuv resets new connections. */
  onFatal(error: Error): void
}

/**
 * Listens for connections. What a client sends at once waits in its socket's buffer for someone to read it: not
 * paused, so that a client that leaves meanwhile is noticed.
 *
 * @throws {Error} when the address can't be bound
 */
export async function listenTcp(
  { ip, port }: ListenerAddress,
  { onSocket, prepare, onFatal }: TcpServerDeps,
): Promise<Server> {
  let isPrepared = false
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (!isPrepared) prepareSocket(socket)
    // An early reset must not be an unhandled error; whoever takes the socket over sees it destroyed.
    socket.on('error', ignore)
    onSocket(socket)
  })
  server.listen({ host: ip, port, backlog: BACKLOG })
  await once(server, 'listening')
  isPrepared = prepare?.(server) === true
  server.on('error', onFatal)
  return server
}

function prepareSocket(socket: Socket): void {
  socket.setNoDelay(true)
  keepAlive(socket)
}

function ignore(): void {}

/** Stops accepting; connections that were accepted go on. */
export function stopAccepting(server: Server): void {
  // Not awaiting 'close': it waits for the connections, which their flows end.
  server.close()
}

export function addressOf(server: Server): ListenerAddress {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen')
  return { ip: address.address, port: address.port }
}
