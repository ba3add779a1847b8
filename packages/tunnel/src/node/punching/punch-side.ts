import type { AgentHost } from '../../host/host.ts'
import type { Mapping, NatType, PunchRole } from '../../nat-type.ts'
import type { TryOutcome } from '../../protocol/punch.ts'
import type { Reflection, ReflectorAddress } from '../nat/reflect.ts'
import { failed, type PunchResult } from './punch-result.ts'
import { punchTry, type TryEnd } from './punch-try.ts'

/** What this node knows of the NATs in front of it. */
export interface NatView {
  readonly type: NatType
  /** Those that can be asked now. */
  reflectors(): readonly ReflectorAddress[]
  /** The NATs may be others than before. */
  wake(): void
}

/** What is known of other nodes, by their records. */
export interface PeerView {
  natOf(peerId: string): NatType | undefined
  /** Whether that node says of itself that it comes from that public IP address. */
  isAt(peerId: string, ip: string): boolean
}

/** What both sides of a punch have to hand. */
export interface PunchSide {
  readonly host: Pick<AgentHost, 'adopt'>
  readonly nat: NatView
  /** Rejects when no reflector answers. */
  reflect(reflectors: readonly ReflectorAddress[], signal: AbortSignal): Promise<Reflection>
  /** Whether a mapping that the peer told may be dialled. */
  isDialable(mapping: Mapping): boolean
  /** What is known of other nodes. */
  readonly peers: PeerView
  /** A better path came up meanwhile. */
  hasBetter(peerId: string): boolean
  /** To be called after each try. */
  tried(end: TryEnd, details: Readonly<Record<string, unknown>>): void
}

/** Up to so many in one exchange. */
export const MAX_TRIES = 3
/** For reflectors to answer: names may have to be looked up, and one of them may be dead. */
const REFLECT_MS = 12_000
/** For what the other side says next: it asks its reflectors first. */
export const NEXT_MESSAGE_MS = REFLECT_MS + 5_000

/** What this side tells of its NAT: what was seen just now counts more than what was seen before. */
export function ownNat({ type }: NatView, { natMapping }: Reflection): NatType {
  return natMapping === 'unknown' ? type : { ...type, mapping: natMapping }
}

/** Asks reflectors from a fresh port; `undefined` when nobody answered. Rejects when the signal aborts. */
export async function reflected(side: PunchSide, signal: AbortSignal): Promise<Reflection | undefined> {
  const reflectors = side.nat.reflectors()
  if (reflectors.length === 0) return undefined
  try {
    const waiting = AbortSignal.any([signal, AbortSignal.timeout(REFLECT_MS)])
    const reflection = await side.reflect(reflectors, waiting)
    const { natMapping } = reflection
    // A router that was replaced changes nothing that this node would notice by itself.
    if (natMapping !== 'unknown' && natMapping !== side.nat.type.mapping) side.nat.wake()
    return reflection
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

/** One try from where both sides know everything of each other. */
export interface KnownTry {
  readonly peerId: string
  readonly role: PunchRole
  readonly side: 'initiator' | 'responder'
  readonly reflection: Reflection
  readonly remote: Mapping
  readonly rttMs: number
}

export async function runTry(side: PunchSide, known: KnownTry, signal: AbortSignal): Promise<TryEnd> {
  const { reflection, ...plan } = known
  const end = await punchTry(side.host, { ...plan, localPort: reflection.localPort }, signal)
  const { peerId, role, rttMs } = known
  const { outcome, attempts } = end
  side.tried(end, { peer: peerId, side: known.side, role, attempts, outcome, rttMs: Math.round(rttMs) })
  return end
}

/** What the mapping that a peer told has to be, in words; `undefined`: it may be dialled. */
export function badMapping(
  { isDialable, peers }: PunchSide,
  peerId: string,
  mapping: Mapping,
): string | undefined {
  if (!isDialable(mapping)) return `${told(mapping)}, expected a public address and a port above 1023`
  if (!peers.isAt(peerId, mapping.ip))
    return `${told(mapping)}, expected an egress address of the peer's record`
  return undefined
}

/** What two mappings have to be for a try, in words; `undefined`: they are. */
export function mismatchOf(own: Mapping, peer: Mapping): string | undefined {
  if (own.ip.includes(':') === peer.ip.includes(':')) return undefined
  return `${told(peer)}, expected an address of the family of ${own.ip}`
}

function told({ ip, port }: Mapping): string {
  return `field mapping is ${ip} port ${port}`
}

/** The failure that a try's outcome at this side is. */
export function failedTry(outcome: Exclude<TryOutcome, 'connected'>, tries: number): PunchResult {
  return failed(outcome, TRY_FAILURES[outcome], tries)
}

const TRY_FAILURES: Readonly<Record<Exclude<TryOutcome, 'connected'>, string>> = {
  reset: 'each attempt was refused by the NAT or the host of the other side',
  timeout: 'no attempt was answered',
  'wrong-identity': 'somebody else answered at the address of the peer',
}
