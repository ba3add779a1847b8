import { compareWays } from '../src/compare-ways.ts'
import { BULK, HTTP, LATENCY } from '../src/probe.ts'
import { Scene } from '../src/scene.ts'
import type { BenchCase } from './case.ts'

export const relayed: BenchCase = {
  name: 'relayed',
  summary:
    'client and pod at two sites, through the tunnel server; against direct and haproxy as a plain relay',
  async run(onStep) {
    await using scene = await Scene.start(onStep)
    const client = scene.mesh.lab.pod('client')
    const probes = [BULK, HTTP, LATENCY]
    const results = await compareWays(
      { bench: 'relayed', case: 'two sites', edgeMesh: 'relayed', client, ...scene.waysToFar(), probes },
      onStep,
    )
    await scene.mustHaveRelayed()
    return results
  },
}
