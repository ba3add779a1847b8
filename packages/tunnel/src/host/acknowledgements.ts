import type { TcpCounts } from './tcp-info.ts'

type Counts = Pick<TcpCounts, 'acknowledgedBytes' | 'isAllAcknowledged'>

/**
 * Of a connection that is silent, though it was asked: whether the other side's kernel goes on acknowledging what is sent. Then
 * the way there and back works, and bytes are late because of lost segments, for which TCP waits twice as long each time (RFC
 * 6298, 5.5), or because the other process is busy.
 */
export class Acknowledgements {
  #bytes: number | undefined
  #at: number | undefined

  /** When something was seen to be acknowledged; `undefined` before that. */
  get at(): number | undefined {
    return this.#at
  }

  /** To be called now and then, while something is sent: the first time when a question has been under way for a while. */
  look({ acknowledgedBytes, isAllAcknowledged }: Counts, now: number): void {
    const isFirst = this.#bytes === undefined
    if (isFirst ? isAllAcknowledged : acknowledgedBytes !== this.#bytes) this.#at = now
    this.#bytes = acknowledgedBytes
  }

  /** The silence is over. */
  startAnew(): void {
    this.#bytes = this.#at = undefined
  }
}
