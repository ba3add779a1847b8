import { setTimeout as sleep } from 'node:timers/promises'
import { type Findings, findingsOf, targetsOf } from './findings.ts'
import { type Health, nextHealth } from './health.ts'
import { presentHostIp } from './host-address.ts'
import type { OwnEndpoint } from './own-endpoint.ts'
import type { RuntimeQuestions } from './runtime-questions.ts'
import { type CheckLimits, type Connect, checkTargets } from './tcp-check.ts'
import { locate, NOTHING_KNOWN, type Whereabouts } from './whereabouts.ts'

export interface RoundsOptions extends CheckLimits {
  /** Pause between two rounds. */
  readonly checkIntervalMs: number
}

export interface RoundsDeps {
  endpoints(): Iterable<OwnEndpoint>
  /** Called twice per round: once the runtime has told where pods are, and once all endpoints are checked. */
  found(findings: Findings): void
  readonly connect: Connect
  readonly runtime: RuntimeQuestions
}

/** Rounds that are asked for while endpoints change in quick succession are no closer together than that. */
const MIN_PAUSE_MS = 100

/** The rounds of checks of one time in which the source is stale. */
export class Rounds {
  readonly #options: RoundsOptions
  readonly #deps: RoundsDeps
  /** Of the targets of the last round, by their keys. */
  #health: ReadonlyMap<string, Health> = new Map()
  #whereabouts: Whereabouts = NOTHING_KNOWN
  #isWoken = false
  #wake = new AbortController()

  constructor(options: RoundsOptions, deps: RoundsDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Ends the pause; asked for during a round, the next one follows without. */
  wake(): void {
    this.#isWoken = true
    this.#wake.abort()
  }

  /** Round after round, the first one at once, until `stop` aborts. */
  async run(stop: AbortSignal): Promise<void> {
    const { checkIntervalMs } = this.#options
    while (!stop.aborted) {
      this.#isWoken = false
      this.#wake = new AbortController()
      await this.#round(stop)
      await pause(Math.min(MIN_PAUSE_MS, checkIntervalMs), stop)
      if (!this.#isWoken)
        await pause(checkIntervalMs - MIN_PAUSE_MS, AbortSignal.any([stop, this.#wake.signal]))
    }
  }

  async #round(stop: AbortSignal): Promise<void> {
    this.#whereabouts = await this.#locate(stop)
    this.#tell(stop)
    const targets = targetsOf(this.#deps.endpoints(), this.#whereabouts)
    const results = await checkTargets(targets, this.#options, { connect: this.#deps.connect, stop })
    if (stop.aborted) return
    const before = this.#health
    this.#health = new Map(Array.from(results, ([key, result]) => [key, nextHealth(before.get(key), result)]))
    this.#tell(stop)
  }

  async #locate(stop: AbortSignal): Promise<Whereabouts> {
    const pods = await this.#deps.runtime.ask(stop)
    if (pods === undefined) return NOTHING_KNOWN
    const hostIp = pods.some(({ isHostNetwork }) => isHostNetwork)
      ? await presentHostIp()
      : (ip: string) => ip
    return locate(this.#deps.endpoints(), pods, hostIp)
  }

  #tell(stop: AbortSignal): void {
    if (stop.aborted) return
    this.#deps.found(findingsOf(this.#deps.endpoints(), this.#whereabouts, this.#health))
  }
}

/** Also ends when `signal` aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(Math.max(ms, 0), undefined, { signal })
  } catch {
    // Woken or stopped: the caller looks which.
  }
}
