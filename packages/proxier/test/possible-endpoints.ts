import type { ProbeResult, RuleBackend } from '../src/backend/rule-backend.ts'
import type { Rule, RuleChange } from '../src/model/rule.ts'

/** Which endpoints a call may reach: those of a KERNEL rule from when it is about to change until the change is done. */
export class PossibleEndpoints {
  /** By `ip:port`: since when it can't be reached; `Infinity` while it can. */
  readonly #goneSince = new Map<string, number>()

  /** Whether a call that was begun then, and has just been answered, may have been answered by that endpoint. */
  mayAnswer(endpoint: string, begunAt: number): boolean {
    return (this.#goneSince.get(endpoint) ?? Number.NEGATIVE_INFINITY) > begunAt
  }

  begin(rules: Iterable<Rule>): void {
    for (const endpoint of slotsOf(rules)) this.#goneSince.set(endpoint, Number.POSITIVE_INFINITY)
  }

  done(rules: Iterable<Rule>): void {
    const left = new Set(slotsOf(rules))
    const now = performance.now()
    for (const [endpoint, since] of this.#goneSince)
      if (!left.has(endpoint) && since === Number.POSITIVE_INFINITY) this.#goneSince.set(endpoint, now)
  }
}

/** A RuleBackend whose updates, each of the one rule there is, tell what is possible meanwhile. */
export function observed(backend: RuleBackend, possible: PossibleEndpoints): RuleBackend {
  return {
    name: backend.name,
    probe: (): Promise<ProbeResult> => backend.probe(),
    verify: (rules) => backend.verify(rules),
    cleanup: () => backend.cleanup(),
    async apply(rules) {
      const all = [...rules]
      possible.begin(all)
      await backend.apply(all)
      possible.done(all)
    },
    async update(changes: readonly RuleChange[]) {
      const current = changes.flatMap((change) => change.current ?? [])
      possible.begin(current)
      await backend.update(changes)
      possible.done(current)
    },
  }
}

function slotsOf(rules: Iterable<Rule>): string[] {
  return [...rules].flatMap((rule) =>
    rule.mode === 'KERNEL' ? rule.slots.map(({ ip, port }) => `${ip}:${port}`) : [],
  )
}
