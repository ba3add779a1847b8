/** What of the bench `traffic` is measured, and how often. */
export interface TrafficPlan {
  readonly parts: readonly string[]
  /** How often each way is asked. */
  readonly pairs: number
  readonly idleConnections: number
}

const USUAL_PAIRS = 5
const USUAL_IDLE_CONNECTIONS = 10_000

/**
 * The plan as the environment has it: `PARTS`, names with commas between; `PAIRS`; `IDLE`, the number of idle connections.
 *
 * @param known - all parts that there are; they are the plan's unless told otherwise
 * @throws {Error} for a part that there is not, or a number that is none
 */
export function trafficPlanOf(
  environment: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): TrafficPlan {
  const parts = environment['PARTS']?.split(',') ?? known
  const unknown = parts.filter((part) => !known.includes(part))
  if (unknown.length > 0)
    throw new Error(`no part ${unknown.join(', ')} in PARTS; there are ${known.join(', ')}`)
  const count = (name: string, usual: number): number => {
    const value = Number(environment[name] ?? usual)
    if (!Number.isInteger(value) || value < 1) throw new Error(`${name} is no number from 1 up`)
    return value
  }
  return {
    parts,
    pairs: count('PAIRS', USUAL_PAIRS),
    idleConnections: count('IDLE', USUAL_IDLE_CONNECTIONS),
  }
}
