const MAX_DATAGRAMS = 32
const MAX_BYTES = 128 * 1024
const MAX_BYTES_OF_ALL = 16 * 1024 * 1024
/** The first one of a session needs no room in what is for all, so that nobody can take it from others. */
const FREE_BYTES = 2 * 1024

/** What all sessions together keep for endpoints that are still being connected to. */
export class WaitingBytes {
  #taken = 0

  /** @returns false when there is no room */
  take(bytes: number): boolean {
    if (this.#taken + bytes > MAX_BYTES_OF_ALL) return false
    this.#taken += bytes
    return true
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes
  }
}

/** Datagrams that a session has for an endpoint which is still being connected to: few, the first ones. */
export class WaitingDatagrams {
  readonly #ofAll: WaitingBytes
  #datagrams: Buffer[] = []
  #bytes = 0
  /** Of what is for all. */
  #taken = 0

  constructor(ofAll: WaitingBytes) {
    this.#ofAll = ofAll
  }

  /** @returns false when there is no room: the datagram is to be dropped */
  add(datagram: Buffer): boolean {
    const { length } = datagram
    if (this.#datagrams.length >= MAX_DATAGRAMS || this.#bytes + length > MAX_BYTES) return false
    const isFree = this.#datagrams.length === 0 && length <= FREE_BYTES
    if (!isFree && !this.#ofAll.take(length)) return false
    this.#datagrams.push(datagram)
    this.#bytes += length
    if (!isFree) this.#taken += length
    return true
  }

  /** Empties it. */
  take(): readonly Buffer[] {
    const taken = this.#datagrams
    this.#ofAll.giveBack(this.#taken)
    this.#taken = 0
    this.#datagrams = []
    this.#bytes = 0
    return taken
  }
}
