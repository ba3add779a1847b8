import { TARGETS } from '../../targets.ts'
import { missing, type Result } from '../result.ts'
import type { PathsPlan } from './plan.ts'

export const BENCH = 'paths'

/** A part of the bench `paths` that can be measured without the others. */
export interface PathsPart {
  readonly name: string
  /** Whose figures it gives. */
  readonly cases: readonly string[]
  measure(plan: PathsPlan, onStep: (step: string) => void): Promise<readonly Result[]>
}

/** A part that fails takes no other part's figures along: its targets are told as missing. */
export async function measurePart(
  part: PathsPart,
  plan: PathsPlan,
  onStep: (step: string) => void,
): Promise<readonly Result[]> {
  if (!plan.parts.includes(part.name)) return missingOf(part.cases, `PARTS leaves ${part.name} out`)
  try {
    return await part.measure(plan, onStep)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    onStep(`${part.name} failed: ${reason}`)
    return missingOf(part.cases, reason)
  }
}

/** Those figures of these cases that have targets, with the reason why there are none. */
export function missingOf(cases: readonly string[], reason: string): readonly Result[] {
  const aimed = TARGETS.filter((target) => target.bench === BENCH && cases.includes(target.case))
  return aimed.map((target) =>
    missing({ bench: BENCH, case: target.case, metric: target.metric, unit: '' }, reason, target.reference),
  )
}
