/** Bytes of a datagram that say which one it is: its slot and its turn in that slot. */
const HEADER_BYTES = 6
const TURN_OFFSET = 2

/**
 * So many datagrams under way at a time, each in a slot of its own: an answer, or having waited in vain, lets the slot's next
 * one go. Tells a late answer from one to the datagram at hand. Allocates nothing per datagram.
 */
export class UdpWindow {
  answered = 0
  lost = 0
  readonly #datagrams: readonly Buffer[]
  readonly #turns: Uint32Array
  readonly #sentAt: Uint32Array
  readonly #send: (datagram: Buffer) => void
  #tick = 0

  /** @param bytes - of each datagram */
  constructor(
    { slots, bytes }: { readonly slots: number; readonly bytes: number },
    send: (datagram: Buffer) => void,
  ) {
    this.#datagrams = Array.from({ length: slots }, () => Buffer.alloc(Math.max(bytes, HEADER_BYTES)))
    this.#turns = new Uint32Array(slots)
    this.#sentAt = new Uint32Array(slots)
    this.#send = send
  }

  /** Sends a datagram from every slot. */
  start(): void {
    for (let slot = 0; slot < this.#datagrams.length; slot++) this.#next(slot)
  }

  /** Counts an answer and sends the slot's next datagram; one that comes late or is no answer changes nothing. */
  take(answer: Buffer): void {
    if (answer.length < HEADER_BYTES) return
    const slot = answer.readUInt16BE(0)
    if (this.#turns[slot] !== answer.readUInt32BE(TURN_OFFSET)) return
    this.answered++
    this.#next(slot)
  }

  /** To be called at equal intervals: gives up datagrams that have had no answer for more than that many of them. */
  tick(patience: number): void {
    this.#tick++
    for (const [slot, sentAt] of this.#sentAt.entries()) {
      if (this.#tick - sentAt <= patience) continue
      this.lost++
      this.#next(slot)
    }
  }

  #next(slot: number): void {
    const datagram = this.#datagrams[slot]
    if (datagram === undefined) return
    const turn = ((this.#turns[slot] ?? 0) + 1) >>> 0
    this.#turns[slot] = turn
    this.#sentAt[slot] = this.#tick
    datagram.writeUInt16BE(slot, 0)
    datagram.writeUInt32BE(turn, TURN_OFFSET)
    this.#send(datagram)
  }
}
