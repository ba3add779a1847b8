import { measureColdStart } from '../src/metadata/cold-start.ts'
import { measureConvergence } from '../src/metadata/converge.ts'
import { measureKills } from '../src/metadata/kills.ts'
import { measureScale } from '../src/metadata/scale.ts'
import type { BenchCase } from './case.ts'

export const metadata: BenchCase = {
  name: 'metadata',
  summary:
    "metadata alone, behind a MetaServer with all of its faults: convergence, offline starts, kills, 10,000 Services; SEED=n repeats a run's draws",
  async run(onStep) {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
    onStep(`SEED=${seed}`)
    return [
      ...(await measureConvergence(seed, onStep)),
      ...(await measureColdStart(onStep)),
      ...(await measureScale(onStep)),
      ...(await measureKills(seed, onStep)),
    ]
  },
}
