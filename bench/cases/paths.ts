import { BETTER_PATH_PART } from '../src/paths/better-path.ts'
import { BROKEN_PATHS_PART } from '../src/paths/broken-paths.ts'
import { FIRST_BYTE_PART } from '../src/paths/first-byte.ts'
import { IDLE_PART } from '../src/paths/idle-agent.ts'
import { measurePart, type PathsPart } from '../src/paths/part.ts'
import { pathsPlanOf } from '../src/paths/plan.ts'
import { PUNCHING_PART } from '../src/paths/punching.ts'
import { LAN_PART, PUNCHED_PART } from '../src/paths/throughput.ts'
import type { Result } from '../src/result.ts'
import type { BenchCase } from './case.ts'

/** Each with a mesh of its own. */
const PARTS: readonly PathsPart[] = [
  LAN_PART,
  PUNCHED_PART,
  FIRST_BYTE_PART,
  BETTER_PATH_PART,
  BROKEN_PATHS_PART,
  IDLE_PART,
  PUNCHING_PART,
]
const NAMES = PARTS.map(({ name }) => name)

export const paths: BenchCase = {
  name: 'paths',
  summary: `between two agents, on one LAN and through NATs: throughput against direct TCP, kernel DNAT and haproxy; first bytes, better paths, broken ones, idle bytes, hole punching; PARTS=${NAMES.join(',')} chooses, PAIRS=n, RUNS=n, PUNCHES=n and IDLE_SECONDS=n change the repetitions`,
  async run(onStep) {
    const plan = pathsPlanOf(process.env, NAMES)
    const results: Result[] = []
    for (const part of PARTS) results.push(...(await measurePart(part, plan, onStep)))
    return results
  },
}
