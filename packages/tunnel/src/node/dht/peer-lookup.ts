import type { NodeName } from '@edgeway/core'
import type { TunnelMetrics } from '../../metrics.ts'
import type { PeerBook } from '../../records/peer-book.ts'
import type { PeerRecord } from '../../records/peer-record.ts'

/** Somebody who may know a node that this one doesn't: a joined tunnel server. */
export interface LookupSource {
  /** @returns `undefined` when it does not know the node either. Rejects when it gives no answer. */
  lookup(node: NodeName, signal: AbortSignal): Promise<PeerRecord | undefined>
}

export interface PeerLookupDeps {
  readonly book: PeerBook
  readonly metrics: TunnelMetrics
  /** All are asked at once. */
  sources(): readonly LookupSource[]
}

/** Of who asks; each server is waited for as long as it has an excuse, see `ServerSession.lookup`. */
const TIMEOUT_MS = 20_000
/** Nobody is asked again about a node that nobody knew, for so long. */
const NEGATIVE_MS = 3_000
const MAX_NEGATIVES = 10_000

/** Finds the peer of a node: in the book, else by asking, in one round trip. Calls for one node share the question. */
export class PeerLookup {
  readonly #deps: PeerLookupDeps
  readonly #running = new Map<NodeName, Promise<PeerRecord | undefined>>()
  readonly #unknownUntil = new Map<NodeName, number>()

  constructor(deps: PeerLookupDeps) {
    this.#deps = deps
  }

  /** Never rejects. */
  async find(node: NodeName): Promise<PeerRecord | undefined> {
    const known = this.#deps.book.byNode(node)
    if (known !== undefined) return known
    const running = this.#running.get(node)
    if (running !== undefined) return await running
    if (performance.now() < (this.#unknownUntil.get(node) ?? 0)) return undefined
    const asking = this.#ask(node)
    this.#running.set(node, asking)
    try {
      return await asking
    } finally {
      this.#running.delete(node)
    }
  }

  async #ask(node: NodeName): Promise<PeerRecord | undefined> {
    const sources = this.#deps.sources()
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const answers = sources.map((source) => source.lookup(node, signal))
    const found = await firstFound(answers)
    const record = this.#deps.book.byNode(node) ?? found.record
    const outcome = record === undefined ? (found.isAnswered ? 'unknown' : 'unanswered') : 'found'
    this.#deps.metrics.lookups.add({ outcome })
    if (outcome === 'unknown') this.#remember(node)
    return record
  }

  #remember(node: NodeName): void {
    if (this.#unknownUntil.size >= MAX_NEGATIVES) this.#unknownUntil.clear()
    this.#unknownUntil.set(node, performance.now() + NEGATIVE_MS)
  }
}

interface Found {
  readonly record: PeerRecord | undefined
  /** Whether somebody said something. */
  readonly isAnswered: boolean
}

/** The first record wins; that there is none is known only when all have answered. */
async function firstFound(answers: readonly Promise<PeerRecord | undefined>[]): Promise<Found> {
  const { promise, resolve } = Promise.withResolvers<Found>()
  const settled = answers.map(async (answer) => {
    try {
      const record = await answer
      if (record !== undefined) resolve({ record, isAnswered: true })
      return true
    } catch {
      // Gone, or too slow: the others may know.
      return false
    }
  })
  void Promise.all(settled).then((isAnswered) =>
    resolve({ record: undefined, isAnswered: isAnswered.includes(true) }),
  )
  return await promise
}
