import type { Rule, RuleChange } from '../model/rule.ts'

/** What a backend can do on this node, found by trying. */
export interface Capabilities {
  /** Rules of mode KERNEL at most; more would make changes slow. */
  readonly maxKernelRules: number
  /** Most slots that a KERNEL rule may have, their weights counted; 0: that balance does not work here. */
  readonly maxSlots: {
    readonly random: number
    readonly 'client-ip': number
    readonly 'source-ip-hash': number
  }
  /** Whether the rules go when the process dies, as `failMode: open` wants it. */
  readonly failOpen: boolean
}

/** Whether a backend works on this node; `reason` says what is missing and how to get it. */
export type ProbeResult =
  | { readonly usable: true; readonly capabilities: Capabilities }
  | { readonly usable: false; readonly reason: string }

/**
 * Brings rules into the kernel. Each change takes effect as a whole or not at all, and breaks no connection that is
 * established. Calls must not overlap. Implemented by `NftablesBackend` and `IptablesBackend`; both pass
 * `ruleBackendContract`.
 */
export interface RuleBackend {
  readonly name: 'nftables' | 'iptables-nft' | 'iptables-legacy'

  /** Tries the real rules without loading them. Changes nothing that others see and never rejects. */
  probe(): Promise<ProbeResult>

  /**
   * Makes the kernel have exactly these rules, whatever an earlier process or a stranger left of ours. Of several
   * rules for one Match there must be only one.
   *
   * @throws {CommandError} when it is not known to: it has what it had before, or these rules
   */
  apply(rules: Iterable<Rule>): Promise<void>

  /**
   * Brings changes into what the last successful `apply` and `update`s left.
   *
   * @throws {CommandError} when it is not known to have: then `apply` must follow
   */
  update(changes: readonly RuleChange[]): Promise<void>

  /**
   * Whether the kernel still has what the last successful `apply` and `update`s left. Costs next to nothing where
   * nobody changed any rules since it was asked last.
   *
   * @param rules - what they were
   * @throws {CommandError} when the kernel can't be asked
   */
  verify(rules: Iterable<Rule>): Promise<'intact' | 'drifted'>

  /**
   * Removes everything of ours from the kernel that this backend can make, whoever put it there.
   *
   * @throws {CommandError} when something may be left
   */
  cleanup(): Promise<void>
}
