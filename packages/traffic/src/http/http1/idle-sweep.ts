import type { Timers } from '../../timers.ts'

/** What ends when nobody has used it for a while. */
export interface Sweepable {
  /** When it was used last, in ticks of its sweep: to be set to `IdleSweep.tick`. */
  lastTick: number
  /** It is in use now, whenever that began. */
  readonly isBusy: boolean
  /** Called once it was idle for the whole period. */
  expire(): void
}

/** Looks are so many to one period: an idle item ends after 1 to 1.25 of it. */
const LOOKS = 4

/**
 * Ends items that are idle for a period. Using one costs no clock and no timer: it notes a number. No timer runs while there are
 * no items.
 */
export class IdleSweep implements Disposable {
  tick = 0
  #lookMs: number
  readonly #timers: Pick<Timers, 'after'>
  readonly #items = new Set<Sweepable>()
  #timer: Disposable | undefined

  constructor(periodMs: number, timers: Pick<Timers, 'after'>) {
    this.#lookMs = periodMs / LOOKS
    this.#timers = timers
  }

  /** Holds from here on, also for items that have been idle before. */
  changePeriod(periodMs: number): void {
    const lookMs = periodMs / LOOKS
    if (lookMs === this.#lookMs) return
    this.#lookMs = lookMs
    if (this.#timer === undefined) return
    this.#timer[Symbol.dispose]()
    this.#timer = this.#nextLook()
  }

  add(item: Sweepable): void {
    item.lastTick = this.tick
    this.#items.add(item)
    this.#timer ??= this.#nextLook()
  }

  delete(item: Sweepable): void {
    this.#items.delete(item)
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#items.clear()
  }

  #look(): void {
    this.tick += 1
    for (const item of this.#items) {
      if (item.isBusy) item.lastTick = this.tick
      else if (this.tick - item.lastTick > LOOKS) item.expire()
    }
    this.#timer = this.#items.size === 0 ? undefined : this.#nextLook()
  }

  #nextLook(): Disposable {
    return this.#timers.after(this.#lookMs, () => this.#look())
  }
}
