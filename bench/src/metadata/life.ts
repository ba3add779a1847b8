import { setTimeout as delay } from 'node:timers/promises'
import { ALL_FAULTS, seededRandom } from '@edgeway/testbed'
import { mend, RESTARTS, TROUBLES } from './disturbances.ts'
import { Draw } from './draw.ts'
import { operate } from './operations.ts'
import type { Periods } from './periods.ts'
import { World } from './world.ts'

export interface LifePlan {
  /** Of everything drawn: with the same one the same happens, though not to the millisecond. */
  readonly seed: number
  readonly operations: number
  readonly restarts: number
  /** How often the view is compared with the cluster, once all is mended. */
  readonly checks: number
  readonly periods: Periods
}

export interface LifeReport {
  readonly operations: number
  readonly restarts: number
  /** Of all checks. */
  readonly convergedAfterMs: readonly number[]
  readonly cloudcoreCrashes: number
  readonly stalls: number
  readonly lost: readonly string[]
  /** What was wrong, with what led to it; `undefined` where nothing was. */
  readonly failure: string | undefined
}

/** Between two operations, on average. */
const PAUSE_MS = 10
const POLL_MS = 10
/** Of operations, one in so many comes with trouble, or with all being mended. */
const TROUBLE_EVERY = 40
const MENDED_EVERY = 50
/** Lines that are told of a failure. */
const TOLD_STEPS = 150
const TOLD_LOG_LINES = 60

/** Lives through random changes of the cluster with everything that can go wrong, by a seed. */
export async function live(plan: LifePlan): Promise<LifeReport> {
  // Every other cluster gets its EndpointSlices late.
  const lacksSlices = plan.seed % 2 === 1
  await using world = await World.start({
    ...plan,
    faults: ALL_FAULTS,
    lacksSlices,
  })
  const life = new Life(plan, world)
  return await life.run()
}

class Life {
  readonly #plan: LifePlan
  readonly #world: World
  readonly #draw: Draw
  readonly #steps: string[] = []
  readonly #convergedAfterMs: number[] = []
  readonly #startedAt = performance.now()
  #operations = 0
  #restarts = 0

  constructor(plan: LifePlan, world: World) {
    this.#plan = plan
    this.#world = world
    this.#draw = new Draw(seededRandom(plan.seed))
  }

  async run(): Promise<LifeReport> {
    const { checks } = this.#plan
    let failure: string | undefined
    for (let check = 1; check <= checks && failure === undefined; check++) {
      await this.#disturb(check / checks)
      failure = await this.#check()
      if (check === Math.ceil(checks / 3)) {
        this.#world.serveSlices()
        this.#note('the cluster has EndpointSlices')
      }
    }
    const { stalls, lost, double } = this.#world
    const { cloudcoreCrashes } = double.stats
    const counts = { operations: this.#operations, restarts: this.#restarts }
    return {
      ...counts,
      convergedAfterMs: this.#convergedAfterMs,
      ...{ cloudcoreCrashes, stalls, lost, failure },
    }
  }

  /** @param share - of all operations and restarts, up to which it goes on */
  async #disturb(share: number): Promise<void> {
    const operations = Math.round(this.#plan.operations * share)
    const restarts = Math.round(this.#plan.restarts * share)
    while (this.#operations < operations && this.#world.lost.length === 0) {
      // Spread over the operations that are left, by lot.
      if (this.#draw.below(operations - this.#operations) < restarts - this.#restarts) {
        this.#restarts += 1
        this.#note(await this.#draw.weighted(RESTARTS)(this.#draw, this.#world))
      }
      if (this.#draw.below(TROUBLE_EVERY) === 0)
        this.#note(await this.#draw.weighted(TROUBLES)(this.#draw, this.#world))
      if (this.#draw.below(MENDED_EVERY) === 0) this.#mend()
      this.#operations += 1
      this.#note(operate(this.#draw, this.#world.truth))
      await delay(this.#draw.below(2 * PAUSE_MS))
    }
  }

  #mend(): void {
    mend(this.#world)
    this.#note('all mended')
  }

  /** @returns what is wrong */
  async #check(): Promise<string | undefined> {
    this.#mend()
    const { double } = this.#world
    while (double.stats.phase !== 'up' && double.stats.cloudcoreCrashes === 0) await delay(POLL_MS)
    const stableAt = performance.now()
    for (;;) {
      const afterMs = performance.now() - stableAt
      const differences = this.#world.differences()
      const reasons = this.#reasonsToEnd(afterMs, differences)
      if (reasons.length > 0) return this.#failure(reasons)
      if (differences.length === 0) {
        this.#convergedAfterMs.push(afterMs)
        this.#world.settle()
        this.#note(`checked: equal after ${afterMs.toFixed(0)} ms`)
        return undefined
      }
      await delay(POLL_MS)
    }
  }

  #reasonsToEnd(afterMs: number, differences: readonly string[]): string[] {
    const { agent, double, lost } = this.#world
    const { convergeWithinMs } = this.#plan.periods
    const late = afterMs > convergeWithinMs ? [`not equal within ${convergeWithinMs} ms`, ...differences] : []
    return [
      ...agent.deps.fatal.map(String),
      ...(double.stats.cloudcoreCrashes > 0 ? ['cloudcore has crashed'] : []),
      ...lost.map((text) => `lost although it was there all the time: ${text}`),
      ...(differences.length > 0 ? late : []),
    ]
  }

  #note(step: string): void {
    const ms = (performance.now() - this.#startedAt).toFixed(0)
    this.#steps.push(`${ms.padStart(7)} ms  ${String(this.#operations).padStart(5)}  ${step}`)
  }

  #failure(reasons: readonly string[]): string {
    const { agent, double } = this.#world
    const lines = agent.deps.logger.lines.slice(-TOLD_LOG_LINES)
    return [
      `seed ${this.#plan.seed}, operation ${this.#operations}:`,
      ...reasons,
      '',
      ...this.#steps.slice(-TOLD_STEPS),
      '',
      ...lines.map(({ level, message, fields }) => `${level} ${message} ${textOfFields(fields)}`),
      JSON.stringify(double.stats),
    ].join('\n')
  }
}

function textOfFields(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(fields, (_name, value: unknown) => (value instanceof Error ? String(value) : value))
}
