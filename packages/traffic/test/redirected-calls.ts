// Runs inside a network namespace whose rules redirect ClusterIPs to a Traffic's listener: starts that Traffic, calls
// the ClusterIPs, and prints what it saw as JSON. Arguments: the listener's address, ClusterIP prefix, loopback address.

import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Endpoint, NodeName } from '@edgeway/core'
import { FakeComponentDeps, FakeServiceDirectory, serviceOf, startTcpEndpoint } from '@edgeway/testbed'
import { DEFAULT_TRAFFIC_OPTIONS, DirectDialer, Traffic } from '../src/index.ts'

const [nodeAddress = '', clusterIps = '', loopback = ''] = process.argv.slice(2)
const QUESTION = 'x'.repeat(1024 * 1024)

/** What one call came to: how much was answered, or the error's code. */
async function call(host: string, port: number): Promise<string> {
  const socket = connect({ host, port, allowHalfOpen: true })
  const failed = once(socket, 'error').then(([error]) => String(error.code))
  socket.end(QUESTION)
  const answered = text(socket).then((answer) => `${answer.length} bytes`)
  answered.catch(() => {})
  return await Promise.race([answered, failed])
}

const services = new FakeServiceDirectory()
const deps = new FakeComponentDeps()
await using echo = await startTcpEndpoint((socket) => void socket.pipe(socket))
const good: Endpoint = { ...echo.endpoint, node: 'edge-1' as NodeName }
const dropped: Endpoint = { ...good, ip: loopback, port: 9 }
services.set(serviceOf('shop/web:http', `${clusterIps}1`, 80), [good])
services.set(serviceOf('shop/half:http', `${clusterIps}2`, 80), [dropped, good])
services.set(serviceOf('shop/empty:http', `${clusterIps}3`, 80), [])
await using _traffic = await Traffic.start(
  { ...DEFAULT_TRAFFIC_OPTIONS, dialTimeoutMs: 300 },
  { ...deps, services, nodeName: 'edge-1' as NodeName, nodeAddress, dialer: new DirectDialer('local') },
)

const calls = {
  web: await call(`${clusterIps}1`, 80),
  half: await call(`${clusterIps}2`, 80),
  empty: await call(`${clusterIps}3`, 80),
  nobody: await call(`${clusterIps}4`, 80),
  direct: await call(nodeAddress, DEFAULT_TRAFFIC_OPTIONS.listenPort),
}
const flows = deps.logger.lines
  .filter(({ message }) => message === 'flow ended')
  .map(({ fields }) => `${fields['service'] ?? '-'} ${fields['outcome']}`)
const refused = deps.metrics.value('edgeway_traffic_dial_failures_total', { reason: 'timeout' })
process.stdout.write(JSON.stringify({ calls, flows, timeouts: refused }))
