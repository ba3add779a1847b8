import { compareWays } from '../src/compare-ways.ts'
import { BULK, CONNECTIONS, HTTP, LATENCY } from '../src/probe.ts'
import { Scene } from '../src/scene.ts'
import type { BenchCase } from './case.ts'

export const sameNode: BenchCase = {
  name: 'same-node',
  summary: 'client and pod on one node, through the agent; against direct, kernel DNAT and haproxy',
  async run(onStep) {
    await using scene = await Scene.start(onStep)
    const client = scene.mesh.lab.pod('client')
    const probes = [BULK, HTTP, CONNECTIONS, LATENCY]
    const results = await compareWays(
      { bench: 'same-node', case: 'agent', edgeMesh: 'same-node', client, ...scene.waysToNear(), probes },
      onStep,
    )
    await scene.mustHaveForwarded()
    return results
  },
}
