import type { TcpCounts } from '../../../host/tcp-info.ts'

/** What was counted counts for less with each sample, so that what is known is of lately. */
const KEEP = 0.5
/** With fewer segments a share says nothing. */
const MIN_SEGMENTS = 20

export type SegmentCounts = Pick<TcpCounts, 'sent' | 'sentAgain'>

/** The share of segments that had to be sent again lately, from counts that only grow. */
export class SegmentLoss {
  #last: SegmentCounts | undefined
  #sent = 0
  #sentAgain = 0
  #isSilent = false

  /** What was sent again into a silence says nothing of the path once it is back: all until the next counts is left out. */
  startAnew(): void {
    this.#isSilent = true
  }

  add(counts: SegmentCounts): void {
    if (this.#isSilent) {
      this.#isSilent = false
      this.#sent = this.#sentAgain = 0
      this.#last = counts
    }
    const last = this.#last ?? { sent: 0, sentAgain: 0 }
    this.#sent = this.#sent * KEEP + grown(last.sent, counts.sent)
    this.#sentAgain = this.#sentAgain * KEEP + grown(last.sentAgain, counts.sentAgain)
    this.#last = counts
  }

  /** 0 to 1; `undefined` while too little was sent. */
  get share(): number | undefined {
    return this.#sent < MIN_SEGMENTS ? undefined : Math.min(this.#sentAgain / this.#sent, 1)
  }
}

/** The kernel's counters have 32 bits. */
function grown(before: number, now: number): number {
  return (now - before) >>> 0
}
