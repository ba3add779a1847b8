import { type RecordVersion, recordKey, versionOf } from '../protocol/record-version.ts'
import { encodeRecords, encodeRegistryMessage } from '../protocol/registry.ts'
import type { PeerBook, PeerChange } from '../records/peer-book.ts'
import type { PeerRecord, PeerRecordWire } from '../records/peer-record.ts'

/** Changes that come together are told together. */
const BATCH_MS = 50
/** While a lot changes, as when all nodes come for the first time. */
const BUSY_BATCH_MS = 2_000
/** More changes than that are told in 12 bytes each: most who hear of them may have them already. */
const MAX_PUSHED = 16

/** Gets frames that are for every session, and the PeerIds that they are about. */
type TellAll = (frames: readonly Buffer[], changed: ReadonlySet<string>) => void

/** What the registry has to say about its book: to somebody who comes, and to all when it changes. */
export class RecordFeed implements Disposable {
  readonly #tellAll: TellAll
  readonly #byKey = new Map<string, PeerRecord>()
  readonly #changed = new Map<string, PeerRecord>()
  readonly #subscription: Disposable
  #haveFrame: Buffer | undefined
  #timer: NodeJS.Timeout | undefined
  #isBusy = false

  constructor(book: PeerBook, tellAll: TellAll) {
    this.#tellAll = tellAll
    for (const record of book.records()) this.#byKey.set(recordKey(record.peerId), record)
    this.#subscription = book.onChange((change) => this.#take(change))
  }

  /** All that is known; encoded once for all who come until something changes. */
  haveFrame(): Buffer {
    this.#haveFrame ??= encodeHaveOf(this.#byKey)
    return this.#haveFrame
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
    this.#haveFrame = undefined
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
    const frames = this.#isBusy
      ? [encodeHaveOf(this.#changed)]
      : encodeRecords(records.map(({ wire }) => wire))
    this.#changed.clear()
    if (frames.length > 0) this.#tellAll(frames, new Set(records.map(({ peerId }) => peerId)))
  }
}

function encodeHaveOf(records: ReadonlyMap<string, PeerRecord>): Buffer {
  const entries = [...records].map(([key, record]) => ({ key, version: versionOf(record) }))
  return encodeRegistryMessage({ type: 'have', entries })
}
