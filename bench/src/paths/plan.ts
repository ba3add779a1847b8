import { countIn, type Environment, partsIn } from '../chosen.ts'

/** What of the bench `paths` is measured, and how often. */
export interface PathsPlan {
  readonly parts: readonly string[]
  /** How often each way is asked. */
  readonly pairs: number
  /** How often each thing is done to a path. */
  readonly runs: number
  /** Of each pair of NATs at each round-trip time. */
  readonly punches: number
  /** For which an agent is looked at while nothing happens. */
  readonly idleSeconds: number
}

const USUAL = { pairs: 5, runs: 1, punches: 1, idleSeconds: 60 }

/**
 * The plan as the environment has it: `PARTS`, names with commas between; `PAIRS`, `RUNS`, `PUNCHES` and `IDLE_SECONDS`.
 *
 * @param known - all parts that there are; they are the plan's unless told otherwise
 * @throws {Error} for a part that there is not, or a number that is none
 */
export function pathsPlanOf(environment: Environment, known: readonly string[]): PathsPlan {
  return {
    parts: partsIn(environment, known),
    pairs: countIn(environment, 'PAIRS', USUAL.pairs),
    runs: countIn(environment, 'RUNS', USUAL.runs),
    punches: countIn(environment, 'PUNCHES', USUAL.punches),
    idleSeconds: countIn(environment, 'IDLE_SECONDS', USUAL.idleSeconds),
  }
}
