import type { IpSet } from './names.ts'
import type { NamedMember, RulesetDelta } from './ruleset.ts'

/** Members of the sets of ours, by name of the set. */
export type SavedSets = ReadonlyMap<string, ReadonlySet<string>>

/** Far more than ServicePorts that a cluster can have; the kernel takes memory only for those that are there. */
const MAX_MEMBERS = 1_048_576

/** Clients that one slot remembers at most; 64 to begin with, since most slots have few. */
const MAX_CLIENTS = 65_536

/** Reads the sets whose names begin with `prefix` from what `ipset save` prints. */
export function parseSavedSets(saved: string, prefix: string): SavedSets {
  const sets = new Map<string, Set<string>>()
  for (const line of saved.split('\n')) {
    const [verb = '', name = '', member = ''] = line.split(' ', 3)
    if (!name.startsWith(prefix)) continue
    if (verb === 'create') sets.set(name, new Set())
    else if (verb === 'add') sets.get(name)?.add(withoutDottedTail(member))
  }
  return sets
}

/** Input for `ipset restore` that makes sets and members. */
export function renderAdditions({ created, added }: Pick<RulesetDelta, 'created' | 'added'>): string {
  return [
    ...created.map((set) => `create -exist ${set.name} ${parametersOf(set)}\n`),
    ...added.map(([set, member]) => `add -exist ${set} ${member}\n`),
  ].join('')
}

/** Input for `ipset restore` that takes members away, and all of those of sets that are about to go. */
export function renderDeletions({ deleted, destroyed }: Pick<RulesetDelta, 'deleted' | 'destroyed'>): string {
  return [
    ...deleted.map(([set, member]) => `del -exist ${set} ${member}\n`),
    ...destroyed.map((set) => `flush ${set}\n`),
  ].join('')
}

/** What makes the kernel's sets those wanted. What clients a slot has is left as it is. */
export function diffSets(
  wanted: ReadonlyMap<string, { readonly set: IpSet; readonly members: ReadonlyMap<string, number> }>,
  found: SavedSets,
): Pick<RulesetDelta, 'created' | 'added' | 'deleted' | 'destroyed'> {
  const filled = [...wanted].filter(([, { set }]) => set.type !== 'hash:ip')
  const missing = (name: string, members: ReadonlyMap<string, number>): NamedMember[] => {
    const there = found.get(name)
    const lacking =
      there === undefined ? [...members.keys()] : [...members.keys()].filter((m) => !there.has(m))
    return lacking.map((member) => [name, member])
  }
  const surplus = (name: string, members: ReadonlyMap<string, number>): NamedMember[] =>
    [...(found.get(name) ?? [])].filter((member) => !members.has(member)).map((member) => [name, member])
  return {
    created: [...wanted.values()].map(({ set }) => set),
    added: filled.flatMap(([name, { members }]) => missing(name, members)),
    deleted: filled.flatMap(([name, { members }]) => surplus(name, members)),
    destroyed: [...found.keys()].filter((name) => !wanted.has(name)),
  }
}

const DOTTED_TAIL = /(::(?:ffff:)?)(\d+)\.(\d+)\.(\d+)\.(\d+)/g

/** ipset prints IPv6 addresses that look like they hold an IPv4 one with it; our text has none of these. */
function withoutDottedTail(member: string): string {
  if (!member.includes('::') || !member.includes('.')) return member
  return member.replaceAll(DOTTED_TAIL, (_, head: string, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number)
    return `${head}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
}

function parametersOf({ type, family }: IpSet): string {
  const inet = `family ${family === 'IPv4' ? 'inet' : 'inet6'}`
  switch (type) {
    case 'bitmap:port':
      return 'bitmap:port range 0-65535'
    case 'hash:ip':
      return `hash:ip ${inet} hashsize 64 maxelem ${MAX_CLIENTS} timeout 0`
    default:
      return `${type} ${inet} maxelem ${MAX_MEMBERS}`
  }
}
