import type { ApplyOutcome, ProbeResult, RuleBackend } from '../src/rule-backend.ts'
import type { Rule } from '../src/rules.ts'

/** A RuleBackend that remembers; each call can be made to fail, to hang or to find a drift. */
export class FakeRuleBackend implements RuleBackend {
  probeResult: ProbeResult = { usable: true }
  /** The next applies fail with these, in order. */
  readonly failures: Error[] = []
  /** What `verify` finds next. */
  found: 'intact' | 'drifted' = 'intact'
  /** Applies wait for it. */
  hold: Promise<void> = Promise.resolve()
  /** Names of the calls that ended, in order. */
  readonly calls: string[] = []
  /** How many applies began. */
  begun = 0
  rules: readonly Rule[] | undefined

  async probe(): Promise<ProbeResult> {
    return this.probeResult
  }

  async apply(rules: readonly Rule[]): Promise<ApplyOutcome> {
    this.begun += 1
    await this.hold
    const failure = this.failures.shift()
    this.calls.push(failure === undefined ? 'apply' : 'apply failed')
    if (failure !== undefined) throw failure
    const outcome = this.rules === undefined ? 'loaded' : 'updated'
    this.rules = rules
    return outcome
  }

  async verify(): Promise<'intact' | 'drifted'> {
    this.calls.push('verify')
    const { found } = this
    if (found === 'drifted') this.rules = undefined
    this.found = 'intact'
    return found
  }

  async cleanup(): Promise<void> {
    this.calls.push('cleanup')
    this.rules = undefined
  }
}
