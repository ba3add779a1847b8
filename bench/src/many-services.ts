import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Mesh } from '@edgeway/testbed'

const ENDPOINTS_PER_SERVICE = 3
const LOADER = fileURLToPath(new URL('./load-objects.ts', import.meta.url))
const TIMEOUT_MS = 240_000
const POLL_MS = 200

export interface ManyServices {
  /** Numbers of the Services: from this one up to, but without, that one. */
  readonly from: number
  readonly to: number
  /** Where all their endpoints are. */
  readonly node: string
}

/** Makes Services with an EndpointSlice each; kubectl would take minutes for thousands. */
export async function makeServices(mesh: Mesh, { from, to, node }: ManyServices): Promise<void> {
  const items = Array.from({ length: to - from }, (_, index) => objectsOf(from + index, node)).flat()
  const { code, stderr } = await mesh.lab.node('cloud').exec([process.execPath, LOADER, mesh.plainApiUrl], {
    input: JSON.stringify({ items }),
    timeoutMs: TIMEOUT_MS,
  })
  if (code !== 0) throw new Error(`the Services could not be made: ${stderr}`)
}

/** Resolves when an agent has a rule in the kernel for that many Services at least. */
export async function untilInEffect(mesh: Mesh, node: string, count: number): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS
  for (;;) {
    const rules = await mesh.agent(node).metric('edgeway_proxier_rules')
    if (rules >= count) return
    if (Date.now() > deadline) throw new Error(`${node} has ${rules} rules only, not ${count}`)
    await delay(POLL_MS)
  }
}

function objectsOf(index: number, node: string): object[] {
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
        nodeName: node,
      })),
    },
  ]
}
