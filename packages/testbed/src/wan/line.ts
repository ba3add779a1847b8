import type { Impairment } from './wan-spec.ts'

interface UnderWay {
  readonly frame: Buffer
  readonly dueAt: number
}

interface LineDeps {
  /** Called with each frame that has arrived, in the order of arrival. */
  readonly deliver: (frame: Buffer) => void
  /** Evenly spread from 0 to below 1, as `Math.random`. */
  readonly random: () => number
}

/** A fast line with a long delay holds some MB; a caller that never releases shall not fill the memory. */
const MAX_BYTES_UNDER_WAY = 256 * 1024 * 1024
/** Frames that have left make room no later than at that many. */
const MAX_GONE = 4_096

/**
 * One direction of a wide-area link: frames go in, and come out late or never. First they are lost or delayed, then
 * they wait for the line, whose queue drops at its tail, as netem with a tbf inside does. Times are those of one clock, in
 * milliseconds; never moves a frame by itself.
 */
export class Line {
  readonly #deps: LineDeps
  #impairment: Impairment
  readonly #underWay: UnderWay[] = []
  /** How many of those have left. */
  #gone = 0
  #bytes = 0
  /** When the frame before came to the line, and when the line has sent it. */
  #arrivalAt = 0
  #freeAt = 0

  constructor(impairment: Impairment, deps: LineDeps) {
    this.#impairment = impairment
    this.#deps = deps
  }

  /** When the next frame arrives; `undefined` while none is under way. */
  get nextDueAt(): number | undefined {
    return this.#underWay[this.#gone]?.dueAt
  }

  /** Delivers what has arrived by now. */
  release(now: number): void {
    for (let next = this.#underWay[this.#gone]; next !== undefined && next.dueAt <= now; ) {
      this.#gone++
      this.#bytes -= next.frame.length
      this.#deps.deliver(next.frame)
      next = this.#underWay[this.#gone]
    }
    if (this.#gone < MAX_GONE && this.#gone < this.#underWay.length) return
    this.#underWay.splice(0, this.#gone)
    this.#gone = 0
  }

  /** Takes a frame in, of which the caller keeps the memory: what stays is copied. */
  send(frame: Buffer, now: number): void {
    this.release(now)
    const { lossPercent, reorderPercent } = this.#impairment
    if (this.#happens(lossPercent)) return
    const dueAt = this.#happens(reorderPercent) ? now : this.#dueAt(frame.length, now)
    if (dueAt === undefined || this.#bytes + frame.length > MAX_BYTES_UNDER_WAY) return
    // What was due earlier has just been released, so only a frame that shall overtake others does.
    if (dueAt <= now) this.#deps.deliver(frame)
    else this.#hold({ frame: Buffer.from(frame), dueAt })
  }

  /** Holds from now on. What is under way arrives in order, and no later than it could if it were sent now. */
  change(impairment: Impairment, now: number): void {
    this.#impairment = impairment
    const { delayMs, jitterMs, bitsPerSecond, queueMs } = impairment
    const arrival = now + delayMs + jitterMs
    const latest = arrival + (bitsPerSecond > 0 ? queueMs : 0)
    const kept = this.#underWay.splice(0).slice(this.#gone)
    this.#gone = 0
    for (const { frame, dueAt } of kept) this.#underWay.push({ frame, dueAt: Math.min(dueAt, latest) })
    this.#arrivalAt = Math.min(this.#arrivalAt, arrival)
    this.#freeAt = Math.min(this.#freeAt, latest)
  }

  #hold(held: UnderWay): void {
    this.#underWay.push(held)
    this.#bytes += held.frame.length
  }

  /** `undefined` when the queue is full. */
  #dueAt(bytes: number, now: number): number | undefined {
    const { delayMs, jitterMs, bitsPerSecond, queueMs } = this.#impairment
    const delayed = now + delayMs + (jitterMs > 0 ? jitterMs * this.#deps.random() : 0)
    this.#arrivalAt = Math.max(this.#arrivalAt, delayed)
    const startAt = Math.max(this.#arrivalAt, this.#freeAt)
    if (bitsPerSecond > 0 && startAt - this.#arrivalAt > queueMs) return undefined
    this.#freeAt = startAt + (bitsPerSecond > 0 ? (bytes * 8_000) / bitsPerSecond : 0)
    return this.#freeAt
  }

  #happens(percent: number): boolean {
    return percent > 0 && this.#deps.random() * 100 < percent
  }
}
