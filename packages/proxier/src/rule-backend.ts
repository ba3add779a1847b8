import type { Rule } from './rules.ts'

/** Whether a backend works on this node; `reason` says what is missing and how to get it. */
export type ProbeResult = { readonly usable: true } | { readonly usable: false; readonly reason: string }

/**
 * What an `apply` did: replaced everything of ours, changed only what differs from the last time, or nothing, as the
 * kernel has the rules already.
 */
export type ApplyOutcome = 'loaded' | 'updated' | 'unchanged'

/**
 * Brings rules into the kernel. Each change takes effect as a whole or not at all. Calls must not overlap.
 * Implemented by `NftablesBackend`.
 */
export interface RuleBackend {
  /** Tries the real rules without loading them. Changes nothing and never rejects. */
  probe(): Promise<ProbeResult>

  /**
   * Makes the kernel have exactly these rules. The first call replaces what an earlier process left; so does the next
   * one after a failure or a drift.
   *
   * @throws {CommandError | TypeError | SyntaxError} when it is not known to: it has what it had before, or these rules
   */
  apply(rules: readonly Rule[]): Promise<ApplyOutcome>

  /**
   * Whether the kernel still has what the last successful `apply` left; `intact` when that is not known: there was
   * none, the drift was told already, or the kernel could not be asked the last time.
   *
   * @throws {CommandError | TypeError | SyntaxError} when the kernel can't be asked: the next `apply` loads everything
   */
  verify(): Promise<'intact' | 'drifted'>

  /**
   * Removes everything of ours from the kernel, whoever put it there.
   *
   * @throws {CommandError} when something may be left
   */
  cleanup(): Promise<void>
}
