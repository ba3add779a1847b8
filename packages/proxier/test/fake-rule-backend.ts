import type { ProbeResult, RuleBackend } from '../src/backend/rule-backend.ts'
import { formatMatch, type Rule, type RuleChange } from '../src/model/rule.ts'

/** A RuleBackend that remembers; each call can be made to fail, to hang or to find a drift. */
export class FakeRuleBackend implements RuleBackend {
  readonly name = 'nftables'
  /** The next applies and updates fail with these, in order. */
  readonly failures: Error[] = []
  /** What `verify` finds next. */
  found: 'intact' | 'drifted' = 'intact'
  /** Applies and updates wait for it. */
  hold: Promise<void> = Promise.resolve()
  /** Names of the calls that ended, in order. */
  readonly calls: string[] = []
  /** How many applies and updates began. */
  begun = 0
  readonly #rules = new Map<string, Rule>()

  get rules(): readonly Rule[] {
    return [...this.#rules.values()]
  }

  async probe(): Promise<ProbeResult> {
    return { usable: false, reason: 'only a fake' }
  }

  async apply(rules: Iterable<Rule>): Promise<void> {
    await this.#change('apply')
    this.#rules.clear()
    for (const rule of rules) this.#rules.set(formatMatch(rule.match), rule)
  }

  async update(changes: readonly RuleChange[]): Promise<void> {
    await this.#change('update')
    for (const { previous, current } of changes) {
      if (previous !== undefined) this.#rules.delete(formatMatch(previous.match))
      if (current !== undefined) this.#rules.set(formatMatch(current.match), current)
    }
  }

  async verify(): Promise<'intact' | 'drifted'> {
    this.calls.push('verify')
    const { found } = this
    this.found = 'intact'
    return found
  }

  async cleanup(): Promise<void> {
    this.calls.push('cleanup')
    this.#rules.clear()
  }

  async #change(call: string): Promise<void> {
    this.begun += 1
    await this.hold
    const failure = this.failures.shift()
    this.calls.push(failure === undefined ? call : `${call} failed`)
    if (failure !== undefined) throw failure
  }
}
