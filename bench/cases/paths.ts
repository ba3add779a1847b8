import type { EdgeMeshScene } from '../edgemesh.ts'
import { compareWays } from '../src/compare-ways.ts'
import { ONE_LAN } from '../src/paths/lan.ts'
import { PathScene, type PathSpec } from '../src/paths/path-scene.ts'
import { BULK, CONNECTIONS, HTTP, LATENCY } from '../src/probe.ts'
import type { Result } from '../src/result.ts'
import type { BenchCase } from './case.ts'

interface PathCase {
  readonly name: string
  readonly spec: PathSpec
  readonly edgeMesh?: EdgeMeshScene
}

/** What is carried between two agents without a relay, each in a mesh of its own. */
const CASES: readonly PathCase[] = [{ name: 'one LAN', spec: ONE_LAN, edgeMesh: 'lan' }]

export const paths: BenchCase = {
  name: 'paths',
  summary: 'between two agents without a relay: on one LAN; against direct TCP, kernel DNAT and haproxy',
  async run(onStep) {
    const results: Result[] = []
    for (const one of CASES) results.push(...(await measure(one, onStep)))
    return results
  },
}

async function measure(
  { name, spec, ...others }: PathCase,
  onStep: (step: string) => void,
): Promise<Result[]> {
  await using scene = await PathScene.start(spec, onStep)
  const { client, ways } = scene
  const probes = [BULK, HTTP, CONNECTIONS, LATENCY]
  const results = await compareWays(
    { bench: 'paths', case: name, client, ...ways, probes, ...others },
    onStep,
  )
  await scene.mustHaveKeptPath()
  return results
}
