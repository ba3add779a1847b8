/**
 * `port-mapping-node.ts JSON`: a node's port mapping alone, with a TCP server at the port, for tests in namespaces; the
 * argument is its timing. Writes `{"addresses":…,"status":…}` at each change and after each log line. SIGUSR2 wakes it, SIGTERM
 * ends it.
 */

import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { MemoryMetrics } from '@edgeway/testbed'
import { createTunnelMetrics } from '../src/metrics.ts'
import { PORT_MAPPING_TIMING, PortMapping } from '../src/node/port-mapping/port-mapping.ts'

const PORT = 20_008

const server = createServer((socket) => socket.end('the node itself\n'))
server.listen(PORT, '0.0.0.0')
await once(server, 'listening')

const metrics = createTunnelMetrics(new MemoryMetrics())
const write = (): void => {
  const { addresses, status } = mapping
  process.stdout.write(`${JSON.stringify({ addresses, status })}\n`)
}
const log = (level: string) => (message: string, fields?: unknown) => {
  process.stdout.write(`${JSON.stringify({ level, message, fields })}\n`)
}
const logger = {
  ...{ debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  isEnabled: () => true,
  child: () => logger,
}
const renewals = {
  set: (): void => {
    queueMicrotask(write)
  },
}
const mapping = new PortMapping({
  metrics: { ...metrics, portMappings: renewals },
  logger,
  timing: { ...PORT_MAPPING_TIMING, ...JSON.parse(process.argv[2] ?? '{}') },
  listening: () => {
    const all = Object.values(networkInterfaces()).flatMap((infos) => infos ?? [])
    const own = all.filter(({ family }) => family === 'IPv4').map(({ address }) => address)
    return new Set(own.map((address) => `/ip4/${address}/tcp/${PORT}`))
  },
})
mapping.wake()
process.on('SIGUSR2', () => mapping.wake())
process.once('SIGTERM', () => {
  void mapping[Symbol.asyncDispose]().then(() => process.exit(0))
})
