import { ipFamilyOf } from '@edgeway/core'
import type { Match, Rule, RuleChange } from '../model/rule.ts'
import type { FlowEnd, TrackedFlow } from './flow-listing.ts'

/**
 * The changes after which flows may be stale: those of UDP, and those of TCP that bring a rule where there was none.
 * An established TCP connection stays where it is.
 */
export function changesWithStaleFlows(changes: readonly RuleChange[]): RuleChange[] {
  return changes.filter((change) => matchOf(change).protocol === 'UDP' || change.previous === undefined)
}

/** Changes by where their clients send to. */
export class ChangeIndex {
  readonly #byDestination = new Map<string, RuleChange>()
  readonly #isOwnAddress: (ip: string) => boolean

  /** @param ownAddresses - of this node, those of loopback included: where its node ports are */
  constructor(changes: readonly RuleChange[], ownAddresses: Iterable<string>) {
    const own = new Set(ownAddresses)
    this.#isOwnAddress = (ip) => own.has(ip) || isLoopback(ip)
    for (const change of changes) {
      const match = matchOf(change)
      const place = match.kind === 'address' ? match.ip : `*${match.family}`
      this.#byDestination.set(`${place} ${match.port} ${match.protocol}`, change)
    }
  }

  /** The change that concerns such flows; one for their very address comes before one for a node port. */
  find({ destination: { ip, port }, protocol, family }: TrackedFlow): RuleChange | undefined {
    const exact = this.#byDestination.get(`${ip} ${port} ${protocol}`)
    if (exact !== undefined || !this.#isOwnAddress(ip)) return exact
    return this.#byDestination.get(`*${family} ${port} ${protocol}`)
  }
}

/**
 * The flows that new packets would follow to where the rules no longer send them, each sort once. Flows that the rules
 * of today would make the same way stay, and so do those that no rule of ours has made where there is none now.
 *
 * @param flows - of UDP, and those of TCP that still wait for their first answer
 */
export function selectStaleFlows(flows: Iterable<TrackedFlow>, changes: ChangeIndex): TrackedFlow[] {
  const stale = new Map<string, TrackedFlow>()
  for (const flow of flows) {
    const change = changes.find(flow)
    if (change !== undefined && isStale(flow, change)) stale.set(keyOf(flow), flow)
  }
  return [...stale.values()]
}

function isStale(flow: TrackedFlow, { previous, current }: RuleChange): boolean {
  const { destination, replySource } = flow
  if (flow.protocol === 'TCP')
    return previous === undefined && current !== undefined && isSame(destination, replySource)
  const targets = current && targetsOf(current, destination)
  if (targets !== undefined) return !includes(targets, replySource)
  return previous !== undefined && includes(targetsOf(previous, destination) ?? [], replySource)
}

/** Where a rule sends flows for that destination; `undefined` where it leaves them alone. */
function targetsOf(rule: Rule, destination: FlowEnd): readonly FlowEnd[] | undefined {
  if (rule.mode === 'REJECT') return []
  if (rule.mode !== 'KERNEL') return [rule.listener]
  if (rule.match.kind === 'node-port' && isLoopback(destination.ip)) return rule.loopback && [rule.loopback]
  return rule.slots
}

/** What both rules of a change are for. */
export function matchOf({ previous, current }: RuleChange): Match {
  const rule = current ?? previous
  if (rule === undefined) throw new TypeError('a change of no rule')
  return rule.match
}

function isLoopback(ip: string): boolean {
  return ipFamilyOf(ip) === 'IPv4' ? ip.startsWith('127.') : ip === '::1'
}

function includes(ends: readonly FlowEnd[], wanted: FlowEnd): boolean {
  return ends.some((end) => isSame(end, wanted))
}

function isSame(a: FlowEnd, b: FlowEnd): boolean {
  return a.ip === b.ip && a.port === b.port
}

function keyOf({ protocol, destination, replySource }: TrackedFlow): string {
  return [protocol, destination.ip, destination.port, replySource.ip, replySource.port].join(' ')
}
