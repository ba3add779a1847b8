import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { ListenerAddress } from '@edgeway/core'

/** Connections that the kernel queues before they are accepted. */
const BACKLOG = 4_096

/**
 * Listens for connections that are handed on paused: no byte is read before the flow's other end is there.
 *
 * @throws {Error} when the address can't be bound
 */
export async function listenTcp(
  { ip, port }: ListenerAddress,
  onSocket: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    // An early reset must not be an unhandled error; whoever takes the socket over sees it destroyed.
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.listen({ host: ip, port, backlog: BACKLOG })
  await once(server, 'listening')
  return server
}

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
