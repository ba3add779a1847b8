import type { RuleBackend } from './backend/rule-backend.ts'
import type { StaleFlows } from './conntrack/stale-flows.ts'
import type { DesiredRules, DesiredRulesLimits } from './model/desired-rules.ts'
import type { Changed } from './settled-changes.ts'

/**
 * What a sync did: replaced everything of ours, changed only what differs from the last time, or nothing, as the kernel
 * has the rules already.
 */
export type SyncOutcome = 'loaded' | 'updated' | 'unchanged'

export interface RuleSyncDeps {
  readonly backend: RuleBackend
  readonly desired: DesiredRules
  readonly staleFlows: Pick<StaleFlows, 'sweep' | 'sweepAll'>
}

/** Brings the desired rules into the kernel: all at first and after a failure or a drift, then what changed. */
export class RuleSync {
  readonly #deps: RuleSyncDeps
  #isLoaded = false

  constructor(deps: RuleSyncDeps) {
    this.#deps = deps
  }

  /** @throws {CommandError} when the kernel is not known to have the rules; the next sync loads them all */
  async sync(changed: Changed, limits: DesiredRulesLimits): Promise<SyncOutcome> {
    const { desired } = this.#deps
    if (!this.#isLoaded) {
      desired.rebuild(limits)
      return this.#load()
    }
    const changes = changed === 'all' ? desired.refreshAll(limits) : desired.refresh(changed)
    if (changes.length === 0) return 'unchanged'
    this.#isLoaded = false
    await this.#deps.backend.update(changes)
    this.#isLoaded = true
    await this.#deps.staleFlows.sweep(changes)
    return 'updated'
  }

  /**
   * Asks the kernel; after a drift the next sync loads everything again.
   *
   * @throws {CommandError} when it can't be asked, likewise
   */
  async verify(): Promise<'intact' | 'drifted'> {
    if (!this.#isLoaded) return 'intact'
    this.#isLoaded = false
    const found = await this.#deps.backend.verify(this.#deps.desired)
    this.#isLoaded = found === 'intact'
    return found
  }

  /** @throws {CommandError} when something may be left */
  async cleanup(): Promise<void> {
    this.#isLoaded = false
    await this.#deps.backend.cleanup()
  }

  async #load(): Promise<SyncOutcome> {
    const { backend, desired, staleFlows } = this.#deps
    await backend.apply(desired)
    this.#isLoaded = true
    await staleFlows.sweepAll(desired)
    return 'loaded'
  }
}
