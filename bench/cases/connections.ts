import { roundTrip } from '@edgeway/testbed'
import { compareWays } from '../src/compare-ways.ts'
import { CONNECTIONS } from '../src/probe.ts'
import { Scene } from '../src/scene.ts'
import type { BenchCase } from './case.ts'

const ROUND_TRIP_MS = 50

export const connections: BenchCase = {
  name: 'connections',
  summary:
    'new connections a second, 32 clients: same node, relayed, and relayed with 50 ms round trip on one leg',
  async run(onStep) {
    await using scene = await Scene.start(onStep)
    const { lab } = scene.mesh
    const common = { bench: 'connections', client: lab.pod('client'), probes: [CONNECTIONS] }
    const near = { ...common, ...scene.waysToNear() }
    const far = { ...common, ...scene.waysToFar() }
    const results = [
      ...(await compareWays({ ...near, case: 'same node', edgeMesh: 'same-node' }, onStep)),
      ...(await compareWays({ ...far, case: 'relayed', edgeMesh: 'relayed' }, onStep)),
    ]
    await using _wan = await lab.emulateWan(lab.router('far-site'), roundTrip(ROUND_TRIP_MS))
    results.push(
      ...(await compareWays({ ...far, case: 'relayed, 50 ms', edgeMesh: 'relayed, 50 ms' }, onStep)),
    )
    await scene.mustHaveForwarded()
    await scene.mustHaveRelayed()
    return results
  },
}
