/** `latency-client.ts IP PORT`: asks an echo server and writes a line of JSON, see `Latency`. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const CONNECTIONS = 300
const ECHOES = 1_000

const [ip = '', port = ''] = process.argv.slice(2)

function open(): Socket {
  return connect({ host: ip, port: Number(port), noDelay: true })
}

async function echo(socket: Socket): Promise<void> {
  socket.write('x')
  await once(socket, 'data')
}

function microsecondsSince(start: bigint): number {
  return Number(process.hrtime.bigint() - start) / 1_000
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

const firstBytes: number[] = []
for (let index = 0; index < CONNECTIONS; index++) {
  const start = process.hrtime.bigint()
  const socket = open()
  await echo(socket)
  firstBytes.push(microsecondsSince(start))
  socket.destroy()
}

const echoes: number[] = []
const socket = open()
for (let index = 0; index < ECHOES; index++) {
  const start = process.hrtime.bigint()
  await echo(socket)
  echoes.push(microsecondsSince(start))
}
socket.destroy()

process.stdout.write(
  `${JSON.stringify({
    firstByteP50: quantile(firstBytes, 0.5),
    firstByteP99: quantile(firstBytes, 0.99),
    echoP50: quantile(echoes, 0.5),
  })}\n`,
)
