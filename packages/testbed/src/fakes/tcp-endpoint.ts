import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Endpoint, NodeName } from '@edgeway/core'
import { endpointAt } from '../builders.ts'

/** A real TCP server on loopback, as the Endpoint that a directory would list. */
export interface TcpEndpoint extends AsyncDisposable {
  readonly endpoint: Endpoint
}

/**
 * Serves connections, half-open allowed, with `serve`; ends those that are open with the server.
 *
 * @param node - the node that the Endpoint claims to be on
 */
export async function startTcpEndpoint(
  serve: (socket: Socket) => void | Promise<void>,
  node?: string,
): Promise<TcpEndpoint> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // A reset is something that tests look for at the other end.
    socket.on('error', () => {})
    void serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no address')
  return {
    endpoint: endpointAt({
      node: node as NodeName | undefined,
      ip: address.address,
      port: address.port,
      protocol: 'TCP',
    }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
