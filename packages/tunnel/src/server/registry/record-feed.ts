import { type RecordVersion, recordKey, versionOf } from '../../protocol/record-version.ts'
import { encodeRecords, encodeRegistryMessage } from '../../protocol/registry.ts'
import type { PeerBook, PeerChange } from '../../records/peer-book.ts'
import type { PeerRecord, PeerRecordWire } from '../../records/peer-record.ts'

/** Changes that come together are told together. */
const BATCH_MS = 50
/** While a lot changes, as when all nodes come for the first time. */
const BUSY_BATCH_MS = 2_000
/** More changes than that are told in 12 bytes each: most who hear of them may have them already. */
const MAX_PUSHED = 16

/** Agents are told of agents; what tunnel servers say of themselves is for one another. */
export type Audience = 'all' | 'servers'

/** Gets frames that are for every session of an audience, and the PeerIds that they are about. */
type Tell = (audience: Audience, frames: readonly Buffer[], changed: ReadonlySet<string>) => void

/** What the registry has to say about its book: to somebody who comes, and to all when it changes. */
export class RecordFeed implements Disposable {
  readonly #tell: Tell
  readonly #byKey = new Map<string, PeerRecord>()
  readonly #changed = new Map<string, PeerRecord>()
  readonly #subscription: Disposable
  #haveFrames: { readonly agents: Buffer; readonly all: Buffer } | undefined
  #timer: NodeJS.Timeout | undefined
  #isBusy = false

  constructor(book: PeerBook, tell: Tell) {
    this.#tell = tell
    for (const record of book.records()) this.#byKey.set(recordKey(record.peerId), record)
    this.#subscription = book.onChange((change) => this.#take(change))
  }

  /** What is known, for an agent or a server that comes; encoded once for all of them until something changes. */
  haveFrame({ isServer }: { readonly isServer: boolean }): Buffer {
    this.#haveFrames ??= {
      agents: encodeHaveOf([...this.#byKey.values()].filter(isOfAgent)),
      all: encodeHaveOf([...this.#byKey.values()]),
    }
    return isServer ? this.#haveFrames.all : this.#haveFrames.agents
  }

  /** The keys of what is lacking here, or known in another version. */
  missing(entries: readonly RecordVersion[]): string[] {
    const isMissing = ({ key, version }: RecordVersion): boolean => {
      const record = this.#byKey.get(key)
      return record === undefined || versionOf(record) !== version
    }
    return entries.filter(isMissing).map(({ key }) => key)
  }

  find(key: string): PeerRecordWire | undefined {
    return this.#byKey.get(key)?.wire
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#subscription[Symbol.dispose]()
  }

  #take(change: PeerChange): void {
    this.#haveFrames = undefined
    const key = recordKey(change.record.peerId)
    if (change.kind === 'removed') {
      this.#byKey.delete(key)
      this.#changed.delete(key)
      return
    }
    this.#byKey.set(key, change.record)
    this.#changed.set(key, change.record)
    this.#timer ??= setTimeout(() => this.#flush(), this.#isBusy ? BUSY_BATCH_MS : BATCH_MS)
  }

  #flush(): void {
    this.#timer = undefined
    this.#isBusy = this.#changed.size > MAX_PUSHED
    const records = [...this.#changed.values()]
    this.#changed.clear()
    this.#say('all', records.filter(isOfAgent))
    this.#say(
      'servers',
      records.filter((record) => !isOfAgent(record)),
    )
  }

  #say(audience: Audience, records: readonly PeerRecord[]): void {
    if (records.length === 0) return
    const frames = this.#isBusy ? [encodeHaveOf(records)] : encodeRecords(records.map(({ wire }) => wire))
    this.#tell(audience, frames, new Set(records.map(({ peerId }) => peerId)))
  }
}

function isOfAgent({ membership }: PeerRecord): boolean {
  return membership.role === 'agent'
}

function encodeHaveOf(records: readonly PeerRecord[]): Buffer {
  const entries = records.map((record) => ({ key: recordKey(record.peerId), version: versionOf(record) }))
  return encodeRegistryMessage({ type: 'have', entries })
}
