import type { Target } from './packet-fields.ts'
import type { Ruleset } from './ruleset.ts'

/** What the kernel remembers of a packet. */
export interface Learnt {
  readonly set: string
  readonly key: string
  readonly value: string
  readonly seconds: number
}

/** The node that a packet comes to. */
export interface TracedNode {
  /** The states of the table while the packet is on its way, one after the other. */
  readonly rulesets: readonly [Ruleset, ...Ruleset[]]
  /** How many lookups have been made when each of the later states takes effect. */
  readonly splits: readonly number[]
  isLocal(ip: string): boolean
  random(modulus: number): number
  hash(address: string, modulus: number): number
  /** What another's NAT at priority -100 makes of a destination. */
  translateElsewhere(destination: Target): Target | undefined
  /** What has not timed out. */
  readonly remembered: readonly Learnt[]
}

export interface Trace {
  readonly verdict: 'accepted' | 'reset' | 'unreachable'
  /** Where the packet goes, or was refused on its way to. */
  readonly destination: Target
  readonly masqueraded: boolean
  readonly learnt: readonly Learnt[]
  /** How often loaded elements were looked at. */
  readonly lookups: number
}
