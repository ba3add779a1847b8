import { countIn, type Environment, partsIn } from '../chosen.ts'
import type { BenchPart, PartContext } from '../part.ts'
import type { HttpScene } from './http-scene.ts'

/** What of the bench `http` is measured, and how often. */
export interface HttpPlan {
  readonly parts: readonly string[]
  /** How often each way is asked. */
  readonly pairs: number
  readonly idleConnections: number
}

export type HttpPart = BenchPart<HttpScene, HttpPlan>
export type HttpContext = PartContext<HttpScene, HttpPlan>

export const BENCH_HTTP = 'http'

const USUAL_PAIRS = 5
const USUAL_IDLE_CONNECTIONS = 5_000

/**
 * The plan as the environment has it: `PARTS`, names with commas between; `PAIRS`; `IDLE`, the number of idle connections.
 *
 * @param known - all parts that there are; they are the plan's unless told otherwise
 * @throws {Error} for a part that there is not, or a number that is none
 */
export function httpPlanOf(environment: Environment, known: readonly string[]): HttpPlan {
  return {
    parts: partsIn(environment, known),
    pairs: countIn(environment, 'PAIRS', USUAL_PAIRS),
    idleConnections: countIn(environment, 'IDLE', USUAL_IDLE_CONNECTIONS),
  }
}
