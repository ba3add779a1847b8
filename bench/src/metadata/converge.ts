import { absolute, type Result } from '../result.ts'
import { flood } from './flood.ts'
import { type LifeReport, live } from './life.ts'
import { periodsAt, textOfPeriods } from './periods.ts'

const LIVES = 5
const OPERATIONS = 10_000
const RESTARTS = 200
const CHECKS_PER_LIFE = 20
const SPEED = 100

/**
 * Random changes of a cluster with all that can go wrong between it and an agent.
 *
 * @param seed - of the first life; the others have those that follow
 */
export async function measureConvergence(seed: number, onStep: (step: string) => void): Promise<Result[]> {
  const periods = periodsAt(SPEED)
  onStep(`converge: periods ${textOfPeriods(periods)}`)
  const reports: LifeReport[] = []
  for (let life = 0; life < LIVES; life++) {
    onStep(`converge: life ${life + 1} of ${LIVES}, seed ${seed + life}`)
    const [operations, restarts] = [OPERATIONS / LIVES, RESTARTS / LIVES]
    const report = await live({
      seed: seed + life,
      operations,
      restarts,
      checks: CHECKS_PER_LIFE,
      periods,
    })
    if (report.failure !== undefined) onStep(`converge: ${report.failure}`)
    reports.push(report)
  }
  onStep('converge: a flood of changes, its consumer paused')
  const { stalls } = await flood()
  return [...resultsOf(reports, periods.convergeWithinMs), count('stalls, consumer paused', stalls)]
}

function resultsOf(reports: readonly LifeReport[], withinMs: number): Result[] {
  const sum = (of: (report: LifeReport) => number): number =>
    reports.reduce((all, report) => all + of(report), 0)
  const times = reports.flatMap(({ convergedAfterMs }) => convergedAfterMs)
  const scale = `${SPEED} times shortened`
  return [
    count(
      'operations',
      sum(({ operations }) => operations),
    ),
    count(
      'restarts',
      sum(({ restarts }) => restarts),
    ),
    count('checks', times.length),
    result(`longest time to converge, ${scale}`, 's', Math.max(0, ...times) / 1_000),
    result(`allowed time to converge, ${scale}`, 's', withinMs / 1_000),
    count(
      'wrong views',
      sum(({ failure, lost }) => (failure !== undefined && lost.length === 0 ? 1 : 0)),
    ),
    count(
      'known-good endpoints lost',
      sum(({ lost }) => lost.length),
    ),
    count(
      'cloudcore crashes',
      sum(({ cloudcoreCrashes }) => cloudcoreCrashes),
    ),
    count(
      'stalls',
      sum(({ stalls }) => stalls),
    ),
  ]
}

function count(metric: string, value: number): Result {
  return result(metric, 'count', value)
}

function result(metric: string, unit: string, value: number): Result {
  return absolute({ bench: 'metadata', case: 'converge', metric, unit }, [value])
}
