import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Answer, Server } from './station-protocol.ts'

/** Answers at an address, over TCP and UDP. A TCP connection then gets back what it sends. */
export async function serve(server: Server): Promise<void> {
  await Promise.all([serveTcp(server), serveUdp(server)])
}

async function serveTcp({ name, ip, port }: Server): Promise<void> {
  const server = createServer({ noDelay: true }, (client) => {
    // A client that is gone before it read the answer is no matter here.
    client.on('error', () => {})
    client.write(`${answer(name, client.remoteAddress)}\n`)
    client.pipe(client)
  })
  await once(server.listen({ host: ip, port, backlog: 4_096 }), 'listening')
}

async function serveUdp({ name, ip, port }: Server): Promise<void> {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (_question, from) => socket.send(answer(name, from.address), from.port, from.address))
  socket.bind({ address: ip, port })
  await once(socket, 'listening')
  // From now on only: clients that don't wait for their answer are no matter here.
  socket.on('error', () => {})
}

function answer(name: string, client = ''): string {
  return JSON.stringify({ name, client: client.replace('::ffff:', '') } satisfies Answer)
}
