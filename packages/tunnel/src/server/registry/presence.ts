import { MAX_MEMBERS } from '../../protocol/limits.ts'
import { recordKey } from '../../protocol/record-version.ts'

/** Keys that one tunnel server says are connected to it. */
export interface RemotePresence extends Disposable {
  add(keys: readonly string[]): void
  remove(keys: readonly string[]): void
}

/**
 * Which members are connected at some tunnel server, and which were a while ago. Tells a node that is gone from one
 * that somebody else wants to push out. Keys are those of `recordKey`.
 */
export class Presence {
  /** How long somebody counts as seen after he left. */
  readonly holdMs: number
  readonly #now: () => number
  readonly #here = new Set<string>()
  /** At how many servers, this one included. */
  readonly #places = new Map<string, number>()
  /** Unix ms when it was gone everywhere. */
  readonly #leftAt = new Map<string, number>()
  readonly #listeners = new Set<(kind: 'present' | 'absent', key: string) => void>()

  /** @param now - Unix ms */
  constructor(holdMs: number, now: () => number = Date.now) {
    this.holdMs = holdMs
    this.#now = now
  }

  /** The keys that are connected to this server. */
  get here(): readonly string[] {
    return [...this.#here]
  }

  join(peerId: string): void {
    const key = recordKey(peerId)
    if (this.#here.has(key)) return
    this.#here.add(key)
    this.#enter(key)
    this.#tell('present', key)
  }

  leave(peerId: string): void {
    const key = recordKey(peerId)
    if (!this.#here.delete(key)) return
    this.#leave(key)
    this.#tell('absent', key)
  }

  /** What another server says, until disposal: its members count as having left then. */
  remote(): RemotePresence {
    const keys = new Set<string>()
    const remove = (gone: readonly string[]): void => {
      for (const key of gone) if (keys.delete(key)) this.#leave(key)
    }
    return {
      add: (added) => {
        for (const key of added) {
          if (keys.has(key) || keys.size >= MAX_MEMBERS) continue
          keys.add(key)
          this.#enter(key)
        }
      },
      remove,
      [Symbol.dispose]: () => remove([...keys]),
    }
  }

  isPresent(peerId: string): boolean {
    return this.#places.has(recordKey(peerId))
  }

  /** Whether that member is connected somewhere, or was within the time. */
  isRecent(peerId: string): boolean {
    const key = recordKey(peerId)
    return this.#places.has(key) || this.#now() - (this.#leftAt.get(key) ?? 0) < this.holdMs
  }

  /** When a member that is not connected left, Unix ms; `undefined` when that is too long ago. */
  leftAt(peerId: string): number | undefined {
    return this.#leftAt.get(recordKey(peerId))
  }

  /** What was known before a restart. */
  restore(peerId: string, seenAt: number): void {
    this.#leftAt.set(recordKey(peerId), Math.min(seenAt, this.#now()))
  }

  /** Forgets who left too long ago: to be called now and then. */
  prune(): void {
    const before = this.#now() - this.holdMs
    for (const [key, leftAt] of this.#leftAt) if (leftAt < before) this.#leftAt.delete(key)
  }

  /** Calls `listener` when a member comes to this server, or leaves it. */
  onChange(listener: (kind: 'present' | 'absent', key: string) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  #enter(key: string): void {
    this.#places.set(key, (this.#places.get(key) ?? 0) + 1)
  }

  #leave(key: string): void {
    const places = (this.#places.get(key) ?? 1) - 1
    if (places > 0) {
      this.#places.set(key, places)
      return
    }
    this.#places.delete(key)
    this.#leftAt.set(key, this.#now())
  }

  #tell(kind: 'present' | 'absent', key: string): void {
    for (const listener of [...this.#listeners]) listener(kind, key)
  }
}
