import { judged, type MetricName, missing, type Result } from './result.ts'

/** What a part measures with. */
export interface PartContext<Scene, Plan> {
  readonly scene: Scene
  readonly plan: Plan
  readonly onStep: (step: string) => void
}

/** A figure that a part gives whenever it can. */
export interface PartFigure extends MetricName {
  /** What ours is compared with; by itself unless given. */
  readonly referenceName?: string
}

/** A part of a bench that can be measured without the others, in a scene that all of them share. */
export interface BenchPart<Scene, Plan> {
  readonly name: string
  /** What is missing when it fails as a whole; those against further references are not named. */
  figures(plan: Plan): readonly PartFigure[]
  measure(context: PartContext<Scene, Plan>): Promise<readonly Result[]>
}

/** Measures those that the plan names; the others' targets are not met. */
export async function measureParts<Scene, Plan extends { readonly parts: readonly string[] }>(
  parts: readonly BenchPart<Scene, Plan>[],
  context: PartContext<Scene, Plan>,
): Promise<Result[]> {
  const { plan } = context
  const results: Result[] = []
  for (const part of parts)
    results.push(...(plan.parts.includes(part.name) ? await measurePart(part, context) : leftOut(part, plan)))
  return results
}

/** A part that fails takes no other part's figures along: its own are told as missing. */
export async function measurePart<Scene, Plan>(
  part: BenchPart<Scene, Plan>,
  context: PartContext<Scene, Plan>,
): Promise<readonly Result[]> {
  try {
    return await part.measure(context)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    context.onStep(`${part.name} failed: ${reason}`)
    return missingOf(part.figures(context.plan), reason)
  }
}

/** What is told of a part that was not asked for: its targets are not met. */
export function leftOut<Scene, Plan>(part: BenchPart<Scene, Plan>, plan: Plan): readonly Result[] {
  const all = missingOf(part.figures(plan), `PARTS leaves ${part.name} out`)
  return all.filter((result) => judged(result).target !== null)
}

function missingOf(figures: readonly PartFigure[], reason: string): readonly Result[] {
  return figures.map(({ referenceName, ...metricName }) => missing(metricName, reason, referenceName))
}
