import { judged, type MetricName, missing, type Result } from '../result.ts'
import type { Scene } from '../scene.ts'
import type { TrafficPlan } from './plan.ts'

/** What a part measures with. */
export interface PartContext {
  readonly scene: Scene
  readonly plan: TrafficPlan
  readonly onStep: (step: string) => void
}

/** A figure that a part gives whenever it can. */
export interface PartFigure extends MetricName {
  /** What ours is compared with; by itself unless given. */
  readonly referenceName?: string
}

/** A part of the bench `traffic` that can be measured without the others. */
export interface TrafficPart {
  readonly name: string
  /** What is missing when it fails as a whole; those against further references are not named. */
  figures(plan: TrafficPlan): readonly PartFigure[]
  measure(context: PartContext): Promise<readonly Result[]>
}

/** A part that fails takes no other part's figures along: its own are told as missing. */
export async function measurePart(part: TrafficPart, context: PartContext): Promise<readonly Result[]> {
  try {
    return await part.measure(context)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    context.onStep(`${part.name} failed: ${reason}`)
    return missingOf(part, context.plan, reason)
  }
}

/** What is told of a part that was not asked for: its targets are not met. */
export function leftOut(part: TrafficPart, plan: TrafficPlan): readonly Result[] {
  const all = missingOf(part, plan, `PARTS leaves ${part.name} out`)
  return all.filter((result) => judged(result).target !== null)
}

function missingOf(part: TrafficPart, plan: TrafficPlan, reason: string): readonly Result[] {
  return part
    .figures(plan)
    .map(({ referenceName, ...metricName }) => missing(metricName, reason, referenceName))
}
