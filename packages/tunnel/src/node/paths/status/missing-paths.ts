import type { TunnelPath } from '../../../metrics.ts'
import { TUNNEL_PATHS } from '../../../metrics.ts'
import type { Wait } from '../attempts/left-alone.ts'
import { type PathCondition, rankOf } from '../choice/path-choice.ts'
import type { PunchingObstacle } from '../path-ports.ts'

/** Why no path of a kind that would be better is taken. `waiting`: nothing failed, and its turn is about to come. */
export type MissingReason =
  | 'not-in-use'
  | 'other-place'
  | 'no-address'
  | 'trying'
  | 'waiting'
  | 'unreachable'
  | 'wrong-identity'
  | 'useless-nat'
  | 'no-reflector'
  | 'turned-off'
  | 'failed'
  | 'slower'
  | 'silent'
  | 'avoided'

/** A kind of path that would be better than the one in use. */
export interface MissingPath {
  readonly path: TunnelPath
  readonly why: MissingReason
  /** For people; where something failed, with the time of the next attempt. */
  readonly message: string
}

/** Something that would make a path. */
export interface KnownAttempt {
  /** For people: an address, or what else is tried. */
  readonly name: string
  readonly isRunning: boolean
  /** Its last failure. */
  readonly wait: Wait | undefined
}

/** What is known of the ways to one peer. */
export interface KnownWays {
  readonly isInUse: boolean
  readonly inUse: TunnelPath | undefined
  /** What is open beside it. */
  readonly open: readonly { readonly kind: TunnelPath; readonly condition: PathCondition }[]
  readonly addresses: Readonly<Record<'lan' | 'direct', readonly KnownAttempt[]>>
  /** The peer told addresses of its LAN, which is not this node's. */
  readonly isElsewhere: boolean
  readonly punching: KnownAttempt & { readonly obstacle: PunchingObstacle | undefined }
}

/** Two clocks: that of waits, in ms, and that of people. */
export interface Now {
  readonly ms: number
  readonly date: Date
}

type Reason = Omit<MissingPath, 'path'>

/** For each kind that would be better than the path in use: why it is not taken. */
export function missingPaths(known: KnownWays, now: Now): MissingPath[] {
  const better = TUNNEL_PATHS.filter(
    (kind) => kind !== 'relayed' && (known.inUse === undefined || rankOf(kind) < rankOf(known.inUse)),
  )
  return better.map((path) => ({ path, ...reasonOf(path, known, now) }))
}

function reasonOf(path: TunnelPath, known: KnownWays, now: Now): Reason {
  const open = known.open.find(({ kind }) => kind === path)
  if (open !== undefined) return passedOver(open.condition)
  if (!known.isInUse) return { why: 'not-in-use', message: 'this node has not called it lately' }
  if (path === 'punched') return notPunched(known.punching, now)
  const attempts = path === 'lan' || path === 'direct' ? known.addresses[path] : []
  if (attempts.length > 0) return notReached(attempts, now)
  if (path === 'lan' && known.isElsewhere)
    return {
      why: 'other-place',
      message: 'it comes from another public address, and was not heard of on this LAN',
    }
  return { why: 'no-address', message: `it has told no ${path === 'lan' ? 'LAN' : 'public'} address` }
}

function passedOver(condition: PathCondition): Reason {
  if (condition === 'avoided') return { why: 'avoided', message: 'it did not take a flow lately' }
  if (condition === 'good')
    return { why: 'slower', message: 'it is open, but the one in use is clearly faster' }
  return { why: 'silent', message: 'it is open, but an answer is overdue' }
}

function notPunched({ obstacle, ...attempt }: KnownWays['punching'], now: Now): Reason {
  if (attempt.isRunning) return { why: 'trying', message: 'is being punched now' }
  if (obstacle === 'turned-off') return { why: 'turned-off', message: 'hole punching is turned off' }
  if (obstacle === 'useless')
    return { why: 'useless-nat', message: 'the NATs of both sides can not be punched together' }
  if (obstacle === 'no-reflector')
    return { why: 'no-reflector', message: 'no tunnel server that is joined tells the mapping of a NAT' }
  return notReached([attempt], now)
}

/** Of several, the one that comes next. */
function notReached(attempts: readonly KnownAttempt[], now: Now): Reason {
  const running = attempts.find(({ isRunning }) => isRunning)
  if (running !== undefined) return { why: 'trying', message: `${running.name} is being tried now` }
  const untried = attempts.find(({ wait }) => wait === undefined)
  if (untried !== undefined) return { why: 'waiting', message: `${untried.name} is tried soon` }
  const [next] = attempts.toSorted((a, b) => (a.wait?.until ?? 0) - (b.wait?.until ?? 0))
  if (next?.wait === undefined) return { why: 'waiting', message: 'its turn comes soon' }
  return {
    why: next.wait.why,
    message: `${failureText(next.name, next.wait)}; ${nextAttempt(next.wait, now)}`,
  }
}

function failureText(name: string, { why, message }: Wait): string {
  if (message !== undefined) return message
  return why === 'wrong-identity' ? `another host answers at ${name}` : `nobody answered at ${name}`
}

function nextAttempt({ until }: Wait, { ms, date }: Now): string {
  if (until <= ms) return 'next attempt soon'
  return `next attempt at ${new Date(date.getTime() + until - ms).toISOString()}`
}
