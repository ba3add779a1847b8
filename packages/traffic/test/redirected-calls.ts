// Runs inside a network namespace whose rules redirect Services to a Traffic's listeners: starts that Traffic, calls the
// Services, and prints what it saw as JSON. The one argument: where they are, see `Places`, as JSON.

import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Endpoint, NodeName, Service } from '@edgeway/core'
import {
  FakeComponentDeps,
  FakeNodeDirectory,
  FakeServiceDirectory,
  serviceOf,
  startTcpEndpoint,
} from '@edgeway/testbed'
import { DEFAULT_TRAFFIC_OPTIONS, DirectDialer, Traffic } from '../src/index.ts'

/** Addresses, all of the family that is tried but for the listeners'. */
export interface Places {
  readonly nodeAddress: string
  readonly nodeAddress6: string
  /** Of the two the one that calls are redirected to. */
  readonly listener: string
  /** All but the last digit of ClusterIPs. */
  readonly clusterIps: string
  readonly externalIp: string
  /** Another address of this node. */
  readonly host: string
  readonly loopback: string
}

const places: Places = JSON.parse(process.argv[2] ?? '{}')
const { clusterIps, externalIp, host, listener, loopback } = places
const QUESTION = 'x'.repeat(1024 * 1024)
const { listenPort } = DEFAULT_TRAFFIC_OPTIONS

/** What one call came to: how much was answered, or the error's code. */
async function call(ip: string, port: number): Promise<string> {
  const socket = connect({ host: ip, port, allowHalfOpen: true })
  const failed = once(socket, 'error').then(([error]) => String(error.code))
  socket.end(QUESTION)
  const answered = text(socket).then((answer) => `${answer.length} bytes`)
  answered.catch(() => {})
  return await Promise.race([answered, failed])
}

/** A Service whose endpoints are used wherever they are, but from outside only those of this node. */
function service(name: string, clusterIp: string, port: Partial<Service['ports'][number]> = {}): Service {
  const plain = serviceOf(`shop/${name}:http`, clusterIp, 80)
  const ports = plain.ports.map((one) => ({ ...one, ...port }))
  const annotations = { 'edgeway.io/topology': 'any' }
  return { ...plain, ports, annotations, externalTrafficPolicy: 'Local' }
}

const services = new FakeServiceDirectory()
const deps = new FakeComponentDeps()
await using echo = await startTcpEndpoint((socket) => void socket.pipe(socket))
const own: Endpoint = { ...echo.endpoint, node: 'edge-1' as NodeName }
const elsewhere: Endpoint = { ...own, node: 'edge-2' as NodeName }
const dropped: Endpoint = { ...own, ip: loopback, port: 9 }
services.set(service('web', `${clusterIps}1`, { nodePort: 30_080 }), [own])
// The nearest first.
services.set({ ...service('half', `${clusterIps}2`), annotations: {} }, [dropped, elsewhere])
services.set(service('empty', `${clusterIps}3`), [])
services.set(service('away', `${clusterIps}5`, { nodePort: 30_081, externalIps: [externalIp] }), [elsewhere])
services.set(service('odd', `${clusterIps}6`, { nodePort: listenPort }), [own])
await using _traffic = await Traffic.start(
  { ...DEFAULT_TRAFFIC_OPTIONS, dialTimeoutMs: 300 },
  {
    ...deps,
    ...places,
    services,
    nodes: new FakeNodeDirectory(),
    nodeName: 'edge-1' as NodeName,
    dialer: new DirectDialer('local'),
  },
)

const calls = {
  web: await call(`${clusterIps}1`, 80),
  half: await call(`${clusterIps}2`, 80),
  empty: await call(`${clusterIps}3`, 80),
  nobody: await call(`${clusterIps}4`, 80),
  webNodePort: await call(host, 30_080),
  webNodePortAtListener: await call(listener, 30_080),
  awayClusterIp: await call(`${clusterIps}5`, 80),
  awayExternalIp: await call(externalIp, 80),
  awayNodePort: await call(host, 30_081),
  oddNodePort: await call(host, listenPort),
  direct: await call(listener, listenPort),
}
const flows = deps.logger.lines
  .filter(({ message }) => message === 'flow ended')
  .map(({ fields }) => `${fields['service'] ?? '-'} ${fields['outcome']}`)
const refused = deps.metrics.value('edgeway_traffic_dial_failures_total', { reason: 'timeout' })
process.stdout.write(JSON.stringify({ calls, flows, timeouts: refused }))
