import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Reflection, ReflectorAddress } from '../../src/node/punching/punch-side.ts'

/** Tells each connection where it comes from, in one line. */
export async function startTestReflector(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(`${socket.remoteAddress?.replace('::ffff:', '')} ${socket.remotePort}\n`)
  })
  server.listen(port, '0.0.0.0')
  await once(server, 'listening')
}

/** As `reflect`, by test reflectors. */
export async function reflectByTest(
  reflectors: readonly ReflectorAddress[],
  signal: AbortSignal,
): Promise<Reflection> {
  const sockets: Socket[] = []
  const answers: string[] = []
  for (const { host, port } of reflectors) {
    const socket = connect({ host, port, localPort: sockets[0]?.localPort ?? 0, localAddress: '0.0.0.0' })
    sockets.push(socket)
    socket.on('error', () => {})
    const [line] = await once(socket, 'data', { signal })
    answers.push(String(line).trim())
  }
  const [ip = '', port = ''] = answers[0]?.split(' ') ?? []
  return {
    localPort: sockets[0]?.localPort ?? 0,
    mapping: { ip, port: Number(port) },
    natMapping: new Set(answers).size === 1 ? 'endpoint-independent' : 'symmetric',
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
  }
}
