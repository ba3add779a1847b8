import type { EdgeMeshScene } from '../../edgemesh.ts'
import { compareWays } from '../compare-ways.ts'
import { BULK, CONNECTIONS, HTTP, LATENCY } from '../probe.ts'
import { ONE_LAN } from './lan.ts'
import { BENCH, type PathsPart } from './part.ts'
import { PathScene, type PathSpec } from './path-scene.ts'
import { TWO_SITES } from './two-sites.ts'

const PROBES = [BULK, HTTP, CONNECTIONS, LATENCY]

/** What is carried between two agents without a relay. */
export const LAN_PART = throughput('lan', 'one LAN', { spec: ONE_LAN, edgeMesh: 'lan' })
/** The same through two NATs. */
export const PUNCHED_PART = throughput('punched', 'two sites, punched', { spec: TWO_SITES })

function throughput(
  name: string,
  caseName: string,
  { spec, ...others }: { readonly spec: PathSpec; readonly edgeMesh?: EdgeMeshScene },
): PathsPart {
  return {
    name,
    cases: [caseName],
    async measure({ pairs }, onStep) {
      await using scene = await PathScene.start(spec, onStep)
      const { client, ways } = scene
      const results = await compareWays(
        { bench: BENCH, case: caseName, client, ...ways, probes: PROBES, pairs, ...others },
        onStep,
      )
      await scene.mustHaveKeptPath()
      return results
    },
  }
}
