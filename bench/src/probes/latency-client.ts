/** `latency-client.ts IP PORT`: asks an echo server and writes a line of JSON, see `Latency`. */
import { echo, openEcho, quantile } from './echo-connection.ts'

const CONNECTIONS = 300
const ECHOES = 1_000
const MICROSECONDS_PER_MS = 1_000

const [ip = '', port = ''] = process.argv.slice(2)

const firstBytes: number[] = []
for (let index = 0; index < CONNECTIONS; index++) {
  const startedAt = performance.now()
  const socket = openEcho(ip, Number(port))
  await echo(socket)
  firstBytes.push((performance.now() - startedAt) * MICROSECONDS_PER_MS)
  socket.destroy()
}

const echoes: number[] = []
const socket = openEcho(ip, Number(port))
for (let index = 0; index < ECHOES; index++) echoes.push(await echo(socket))
socket.destroy()

process.stdout.write(
  `${JSON.stringify({
    firstByteP50: quantile(firstBytes, 0.5),
    firstByteP99: quantile(firstBytes, 0.99),
    echoP50: quantile(echoes, 0.5),
    echoP99: quantile(echoes, 0.99),
  })}\n`,
)
