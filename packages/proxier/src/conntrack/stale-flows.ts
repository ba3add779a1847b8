import { networkInterfaces } from 'node:os'
import type { IpFamily, Logger, Protocol } from '@edgeway/core'
import {
  type CommandResult,
  failureOf,
  mustRun,
  type RunCommand,
  runCommand,
} from '../command/run-command.ts'
import { familyOf, type Rule, type RuleChange } from '../model/rule.ts'
import { type FlowKind, parseFlows, type TrackedFlow } from './flow-listing.ts'
import { ChangeIndex, changesWithStaleFlows, matchOf, selectStaleFlows } from './stale-flow-selection.ts'

export interface StaleFlowsDeps {
  readonly logger: Logger
  /** Runs `conntrack` in this process's own network namespace, unless given. */
  readonly run?: RunCommand
  /** The addresses of this node; those of this process's own network namespace, unless given. */
  readonly ownAddresses?: () => readonly string[]
}

const CAN_NOT_DELETE = 'stale flows can not be deleted: UDP clients may talk to former endpoints for minutes'

const FAMILY_NAMES: Readonly<Record<IpFamily, string>> = { IPv4: 'ipv4', IPv6: 'ipv6' }

/**
 * The kernel translates each packet of a flow as it did the first one, whatever the rules say now. This deletes what
 * it remembers of flows that the rules of now would treat otherwise, so that their next packet meets the rules: UDP
 * flows to where they no longer go, and what was sent before there was a rule and would be repeated into nothing.
 */
export class StaleFlows {
  readonly #run: RunCommand
  readonly #logger: Logger
  readonly #ownAddresses: () => readonly string[]
  #failing = false

  constructor({ logger, run = runCommand, ownAddresses = addressesOfThisNode }: StaleFlowsDeps) {
    this.#run = run
    this.#logger = logger.child({ component: 'proxier' })
    this.#ownAddresses = ownAddresses
  }

  /**
   * To be called once the kernel has the changed rules. Never rejects: the first of failures in a row is logged with
   * what to do about it, and such flows then go when they have been silent for some minutes. Runs nothing unless a UDP
   * rule changed or a TCP rule is new.
   *
   * @returns how many sorts of flows were deleted, told apart by where they were sent and by who answered
   */
  async sweep(changes: readonly RuleChange[]): Promise<number> {
    const relevant = changesWithStaleFlows(changes)
    if (relevant.length === 0) return 0
    try {
      const deleted = await this.#sweep(relevant)
      this.#failing = false
      return deleted
    } catch (error) {
      if (!this.#failing) this.#logger.warn(CAN_NOT_DELETE, { error })
      this.#failing = true
      return 0
    }
  }

  /** As `sweep`, when these are all the rules and nothing is known of earlier ones. */
  sweepAll(rules: Iterable<Rule>): Promise<number> {
    return this.sweep([...rules].map((current) => ({ previous: undefined, current })))
  }

  async #sweep(changes: readonly RuleChange[]): Promise<number> {
    const index = new ChangeIndex(changes, this.#ownAddresses())
    let deleted = 0
    for (const kind of kindsOf(changes)) {
      const flows = parseFlows(await mustRun(this.#run, ['conntrack', '-L', ...filterOf(kind)]), kind)
      for (const flow of selectStaleFlows(flows, index)) deleted += await this.#delete(flow)
    }
    if (deleted > 0) this.#logger.debug('stale flows deleted', { deleted })
    return deleted
  }

  /** @returns 0 when they had gone before */
  async #delete(flow: TrackedFlow): Promise<0 | 1> {
    const { destination, replySource } = flow
    const original = ['--orig-dst', destination.ip, '--orig-port-dst', String(destination.port)]
    const reply = ['--reply-src', replySource.ip, '--reply-port-src', String(replySource.port)]
    const command = ['conntrack', '-D', ...filterOf(flow), ...original, ...reply]
    const result = await this.#run(command)
    if (result.code === 0) return 1
    if (saysNothingFound(result)) return 0
    throw failureOf(command, result)
  }
}

/** Each combination of protocol and family once. */
function kindsOf(changes: readonly RuleChange[]): Iterable<FlowKind> {
  const kinds = new Map<string, FlowKind>()
  for (const change of changes) {
    const match = matchOf(change)
    const kind = { protocol: match.protocol, family: familyOf(match) }
    kinds.set(kind.protocol + kind.family, kind)
  }
  return kinds.values()
}

/** Of TCP only those that wait for their first answer. */
function filterOf({ protocol, family }: FlowKind): readonly string[] {
  const state: Readonly<Record<Protocol, readonly string[]>> = { TCP: ['--state', 'SYN_SENT'], UDP: [] }
  return ['-p', protocol.toLowerCase(), '-f', FAMILY_NAMES[family], ...state[protocol]]
}

/** Its exit code is then the same as for an error. */
function saysNothingFound({ stderr }: CommandResult): boolean {
  return stderr.includes(' 0 flow entries have been deleted')
}

function addressesOfThisNode(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.map(({ address }) => address),
  )
}
