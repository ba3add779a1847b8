import type { LabHost } from '@edgeway/testbed'
import { type EdgeMeshScene, edgeMeshFigure } from '../edgemesh.ts'
import type { Probe } from './probe.ts'
import { absolute, compare, type MetricName, missing, type Result } from './result.ts'
import type { Contender } from './scene.ts'

const USUAL_PAIRS = 5
const EDGEMESH = 'EdgeMesh'

export interface Comparison {
  readonly bench: string
  readonly case: string
  /** Where EdgeMesh's ratios to references are from; nothing is told of it unless given. */
  readonly edgeMesh?: EdgeMeshScene
  readonly client: LabHost
  readonly ours: Contender
  readonly references: readonly Contender[]
  readonly probes: readonly Probe[]
  /** How often each way is asked; five times unless given. */
  readonly pairs?: number
  /** Metrics of ours that are told by themselves, not against the references. */
  readonly alone?: readonly string[]
  /** Metrics of ours that are told by themselves besides. */
  readonly alsoAlone?: readonly string[]
  /** Done before each run of a probe. */
  readonly beforeEach?: () => Promise<void>
}

/** What a probe had from one way so far: a figure per pair for each metric, or why it has none. */
interface Answers {
  readonly figures: Map<string, number[]>
  failure?: string
}

/** Runs each probe over all ways in turn, several times, and compares ours with each reference. */
export async function compareWays(comparison: Comparison, onStep: (step: string) => void): Promise<Result[]> {
  const results: Result[] = []
  for (const probe of comparison.probes) {
    const answers = await ask(comparison, probe, onStep)
    for (const [metric, unit] of Object.entries(probe.units))
      results.push(...resultsOf(comparison, { metric, unit }, answers))
  }
  return results
}

/**
 * One probe's runs, interleaved, there and back so that no way is always the first. A way that fails once is asked no more:
 * its pairs would be others than those of ours.
 */
async function ask(
  { case: name, client, ours, references, pairs = USUAL_PAIRS, beforeEach }: Comparison,
  probe: Probe,
  onStep: (step: string) => void,
): Promise<ReadonlyMap<Contender, Answers>> {
  const all = new Map([ours, ...references].map((way): [Contender, Answers] => [way, { figures: new Map() }]))
  for (let pair = 1; pair <= pairs; pair++) {
    onStep(`${name}: ${probe.name}, pair ${pair} of ${pairs}`)
    const round = pair % 2 === 1 ? [...all] : [...all].toReversed()
    for (const [way, answers] of round.filter(([, { failure }]) => failure === undefined)) {
      await beforeEach?.()
      await addAnswer(answers, () => probe.run(client, way))
      if (answers.failure !== undefined) onStep(`${probe.name}: ${way.name} failed: ${answers.failure}`)
    }
  }
  return all
}

async function addAnswer(answers: Answers, run: () => ReturnType<Probe['run']>): Promise<void> {
  const { figures } = answers
  try {
    for (const [metric, value] of Object.entries(await run()))
      figures.set(metric, [...(figures.get(metric) ?? []), value])
  } catch (error) {
    answers.failure = error instanceof Error ? error.message : String(error)
  }
}

function resultsOf(
  comparison: Comparison,
  { metric, unit }: { readonly metric: string; readonly unit: string },
  answers: ReadonlyMap<Contender, Answers>,
): Result[] {
  const { bench, case: name, ours, alone = [], alsoAlone = [] } = comparison
  const metricName = { bench, case: name, metric, unit }
  const own = (): Result => aloneOf(metricName, ours, answers.get(ours))
  if (alone.includes(metric)) return [own()]
  return [...(alsoAlone.includes(metric) ? [own()] : []), ...ratiosOf(comparison, metricName, answers)]
}

function ratiosOf(
  { edgeMesh, ours, references }: Comparison,
  metricName: MetricName,
  answers: ReadonlyMap<Contender, Answers>,
): Result[] {
  const { metric } = metricName
  const our = answers.get(ours)
  return references.flatMap((way) => {
    const its = answers.get(way)
    const names = isToldBy(edgeMesh, metric, way.name) ? [way.name, EDGEMESH] : [way.name]
    const reason = reasonOf(ours, our) ?? reasonOf(way, its)
    if (reason !== undefined) return names.map((reference) => missing(metricName, reason, reference))
    const [values, theirs] = [our?.figures.get(metric), its?.figures.get(metric)]
    if (values === undefined || theirs === undefined) return []
    return names.flatMap((reference) => {
      const figures =
        reference === EDGEMESH
          ? edgeMeshFigures(edgeMesh, metric, { name: way.name, values: theirs })
          : theirs
      return figures.length === 0 ? [] : [compare(metricName, values, { name: reference, values: figures })]
    })
  })
}

function aloneOf(name: MetricName, ours: Contender, our: Answers | undefined): Result {
  const values = our?.figures.get(name.metric) ?? []
  const reason = reasonOf(ours, our)
  if (reason !== undefined || values.length === 0) return missing(name, reason ?? 'no such figure')
  return absolute(name, values)
}

function reasonOf({ name }: Contender, answers: Answers | undefined): string | undefined {
  return answers?.failure === undefined ? undefined : `${name}: ${answers.failure}`
}

/** True where EdgeMesh was measured beside that reference. */
function isToldBy(scene: EdgeMeshScene | undefined, metric: string, reference: string): boolean {
  return scene !== undefined && edgeMeshFigure(scene, metric, { name: reference, value: 1 }) !== undefined
}

function edgeMeshFigures(
  scene: EdgeMeshScene | undefined,
  metric: string,
  { name, values }: { readonly name: string; readonly values: readonly number[] },
): number[] {
  if (scene === undefined) return []
  return values
    .map((value) => edgeMeshFigure(scene, metric, { name, value }))
    .filter((value) => value !== undefined)
}
