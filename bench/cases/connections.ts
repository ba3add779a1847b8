import { startDelay } from '@edgeway/testbed'
import { CONNECTIONS, compareWays } from '../src/compare-ways.ts'
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
    const near = await compareWays(
      { ...common, case: 'same node', edgeMesh: 'same-node', contenders: scene.near() },
      onStep,
    )
    const far = { ...common, contenders: scene.far() }
    const plain = await compareWays({ ...far, case: 'relayed', edgeMesh: 'relayed' }, onStep)
    await using _delay = await startDelay(lab.router('far-site'), ROUND_TRIP_MS)
    const slow = await compareWays({ ...far, case: 'relayed, 50 ms', edgeMesh: 'relayed, 50 ms' }, onStep)
    return [...near, ...plain, ...slow]
  },
}
