import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Mesh } from '@edgeway/testbed'
import { absolute, type Result } from '../src/result.ts'
import { Scene } from '../src/scene.ts'
import type { BenchCase } from './case.ts'

const MB = 1e6
const SERVICE_COUNTS = [15, 1_000, 10_000]
const ENDPOINTS_PER_SERVICE = 3
const LOADER = fileURLToPath(new URL('../src/load-objects.ts', import.meta.url))
const LOAD_TIMEOUT_MS = 180_000
/** Memory is looked at once the agent has had that long to come to rest after it is in sync. */
const REST_MS = 5_000
const POLL_MS = 200

export const footprint: BenchCase = {
  name: 'footprint',
  summary:
    'resident memory at rest: tunnel server, and an agent with 15, 1,000 and 10,000 Services of 3 endpoints',
  async run(onStep) {
    await using scene = await Scene.start(onStep)
    const { mesh } = scene
    const results: Result[] = []
    let there = 0
    for (const count of SERVICE_COUNTS) {
      onStep(`${count} Services`)
      await load(mesh, there, count)
      there = count
      await untilKnown(mesh, count)
      const agent = mesh.agent('edge-1')
      // A fresh agent: what its start needed is part of its footprint, what earlier steps left is not.
      await agent.stop()
      await agent.start()
      await untilKnown(mesh, count)
      await delay(REST_MS)
      results.push(rss(`agent, ${count} Services`, (await agent.memory()).now))
    }
    return [...results, rss('tunnel server, 3 agents', (await mesh.server.memory()).now)]
  },
}

function rss(name: string, bytes: number): Result {
  return absolute({ bench: 'footprint', case: name, metric: 'RSS', unit: 'MB' }, [bytes / MB])
}

async function untilKnown(mesh: Mesh, count: number): Promise<void> {
  while ((await mesh.agent('edge-1').metric('edgeway_proxier_rules')) < count) await delay(POLL_MS)
}

/** Makes Services `from` to `to` with an EndpointSlice each; kubectl would take minutes for thousands. */
async function load(mesh: Mesh, from: number, to: number): Promise<void> {
  const items = Array.from({ length: to - from }, (_, index) => objectsOf(from + index)).flat()
  const { code, stderr } = await mesh.lab.node('cloud').exec([process.execPath, LOADER, mesh.plainApiUrl], {
    input: JSON.stringify({ items }),
    timeoutMs: LOAD_TIMEOUT_MS,
  })
  if (code !== 0) throw new Error(`the Services could not be made: ${stderr}`)
}

function objectsOf(index: number): object[] {
  const metadata = { namespace: 'bench', name: `s-${index}` }
  const address = (prefix: string, number: number): string =>
    `${prefix}.${Math.floor(number / 250)}.${(number % 250) + 1}`
  const ports = [{ name: 'http', protocol: 'TCP', port: 80 }]
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: address('10.98', index), ports } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': metadata.name } },
      addressType: 'IPv4',
      ports,
      endpoints: Array.from({ length: ENDPOINTS_PER_SERVICE }, (_, endpoint) => ({
        addresses: [address('10.245', index * ENDPOINTS_PER_SERVICE + endpoint)],
        conditions: { ready: true },
        nodeName: 'edge-2',
      })),
    },
  ]
}
