import { type Comparison, compareWays } from '../compare-ways.ts'
import { BULK, CONNECTIONS, HTTP, LATENCY, type Probe } from '../probe.ts'
import { addedLatency } from '../probes/latency.ts'
import { mustExec } from '../probes/must-exec.ts'
import type { Result } from '../result.ts'
import type { Contender, Scene } from '../scene.ts'
import type { TrafficContext, TrafficPart } from './plan.ts'

const NAME = { bench: 'traffic', case: 'agent' } as const
const ADDED_UNITS = { 'added latency p50': 'us', 'added latency p99': 'us' } as const

interface TcpPart {
  readonly name: string
  readonly units: Probe['units']
  /** What it asks ways with, given the direct one. */
  probesBeside(direct: Contender): readonly Probe[]
}

/** Bytes, requests, connections and round trips, through the agent in userspace and by the other ways on the same node. */
export const TCP_PARTS: readonly TrafficPart[] = [
  { name: 'bulk', units: BULK.units, probesBeside: () => [BULK] },
  { name: 'http', units: HTTP.units, probesBeside: () => [HTTP] },
  { name: 'connections', units: CONNECTIONS.units, probesBeside: () => [CONNECTIONS] },
  {
    name: 'latency',
    units: { ...LATENCY.units, ...ADDED_UNITS },
    probesBeside: (direct: Contender) => [LATENCY, addedBeside(direct)],
  },
].map(partOf)

function partOf({ name, units, probesBeside }: TcpPart): TrafficPart {
  return {
    name,
    figures: () =>
      Object.entries(units).map(([metric, unit]) => ({ ...NAME, metric, unit, referenceName: 'haproxy' })),
    measure: (context) => measure(context, probesBeside),
  }
}

/** @throws {Error} when the agent carried nothing meanwhile: the figures would be those of another way */
async function measure(
  { scene, plan, onStep }: TrafficContext,
  probesBeside: TcpPart['probesBeside'],
): Promise<Result[]> {
  const { ours, references } = scene.waysToNear()
  const direct = references.find(({ name }) => name === 'direct')
  if (direct === undefined) throw new Error('there is no direct way to compare with')
  const bytesBefore = await scene.bytesForwarded()
  const results = await compareWays(
    {
      ...NAME,
      edgeMesh: 'same-node',
      client: scene.mesh.lab.pod('client'),
      ours,
      references,
      probes: probesBeside(direct),
      pairs: plan.pairs,
      beforeEach: () => forgetConnections(scene),
    } satisfies Comparison,
    onStep,
  )
  // Where ours failed, that is the reason.
  const wasMeasured = results.some((result) => result.ours !== null)
  if (wasMeasured && (await scene.bytesForwarded()) === bytesBefore)
    throw new Error('no flow to the near pod went through the agent')
  return results
}

/** What the kernel still knows of thousands of ended connections to the same pod would be in the way of new ones. */
export async function forgetConnections(scene: Scene): Promise<void> {
  await mustExec(scene.mesh.lab.node('edge-1'), ['conntrack', '--flush'])
}

/** Against proxies alone: what the kernel adds is lost in the noise, and a ratio to next to nothing says nothing. */
function addedBeside(direct: Contender): Probe {
  return {
    name: 'added latency',
    units: ADDED_UNITS,
    async run(client, { name, ip }) {
      if (name === 'direct' || name === 'kernel DNAT') return {}
      const { p50, p99 } = await addedLatency(client, { protocol: 'echo', direct: direct.ip, way: ip })
      return { 'added latency p50': p50, 'added latency p99': p99 }
    },
  }
}
