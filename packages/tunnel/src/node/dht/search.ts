import type { Trust } from '../../identity/trust.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import type { DhtBook, DhtConnections, DhtContacts } from './contacts.ts'
import type { KadNode } from './kad-node.ts'
import { encodeKey } from './records.ts'

export interface SearchDeps {
  readonly kad: Pick<KadNode, 'get'>
  readonly trust: Pick<Trust, 'cluster'>
  readonly book: Pick<DhtBook, 'byPeerId'>
  readonly connections: Pick<DhtConnections, 'open'>
  readonly contacts: Pick<DhtContacts, 'approach' | 'reach' | 'mayDial'>
}

/** Agents that are dialled because those who look for the same key meet there. */
const PLACES = 2
/** How far a search goes: a contact of a contact of a contact. */
const MAX_ROUNDS = 4
/** Of those that one peer names, in one round: a liar must not hide what others say. */
const MAX_FOLLOWED_PER_PEER = 4
const MAX_FOLLOWED = 8
/** After the first record: another peer may have a newer one. */
const GRACE_MS = 500

/**
 * Looks for a record in rounds. In each, kad-dht asks all agents that there are connections to. Kademlia itself would go
 * on to peers nearer to the key only; in a mesh of few connections the way often leads elsewhere, to agents of whom this
 * one has no record yet. So some of those that were named are asked for by their PeerId, dialled, and asked in the next
 * round.
 *
 * @returns whether some agent had a record that holds; it is in the book then
 */
export async function search(key: Uint8Array, deps: SearchDeps, signal: AbortSignal): Promise<boolean> {
  const approaching = deps.contacts.approach(key, PLACES, signal)
  for (let round = 0; round < MAX_ROUNDS && !signal.aborted; round++) {
    const { isFound, named } = await ask(key, deps, signal)
    if (isFound) return true
    const followed = await follow(named, deps, signal)
    if (followed + (round === 0 ? await approaching : 0) === 0) return false
  }
  return false
}

interface Answers {
  readonly isFound: boolean
  /** PeerIds that were named, by who named them. */
  readonly named: ReadonlyMap<string, readonly string[]>
}

async function ask(key: Uint8Array, { kad }: SearchDeps, signal: AbortSignal): Promise<Answers> {
  const named = new Map<string, readonly string[]>()
  const enough = new AbortController()
  let timer: NodeJS.Timeout | undefined
  try {
    for await (const answer of kad.get(key, AbortSignal.any([signal, enough.signal]))) {
      named.set(answer.from, answer.named)
      if (answer.hasRecord) timer ??= setTimeout(() => enough.abort(), GRACE_MS)
    }
  } catch (error) {
    if (!signal.aborted && !enough.signal.aborted) throw error
  } finally {
    clearTimeout(timer)
  }
  return { isFound: timer !== undefined, named }
}

/** Connects to agents that were named. @returns how many were reached */
async function follow(named: Answers['named'], deps: SearchDeps, signal: AbortSignal): Promise<number> {
  const isNew = (peerId: string): boolean =>
    deps.connections.open(peerId) === undefined && deps.contacts.mayDial(peerId)
  const chosen = named.values().flatMap((peerIds) => peerIds.filter(isNew).slice(0, MAX_FOLLOWED_PER_PEER))
  const peerIds = [...new Set(chosen)].slice(0, MAX_FOLLOWED)
  const records = await Promise.all(peerIds.map((peerId) => recordOf(peerId, deps, signal)))
  return await deps.contacts.reach(
    records.filter((record) => record !== undefined),
    signal,
  )
}

async function recordOf(
  peerId: string,
  deps: SearchDeps,
  signal: AbortSignal,
): Promise<PeerRecord | undefined> {
  const known = deps.book.byPeerId(peerId)
  if (known !== undefined) return known
  await ask(encodeKey(deps.trust.cluster, { kind: 'peer', peerId }), deps, signal)
  return deps.book.byPeerId(peerId)
}
