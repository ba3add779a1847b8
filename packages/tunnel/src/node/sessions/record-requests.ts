/** Keys of one request at first: some 20 KB of records. */
const FIRST_KEYS = 16
/** 1.3 s of a link of 64 kbit/s. */
const MIN_KEYS = 8
const MAX_KEYS = 2_048
/** Whatever is slow, the link or a server that all come back to: it does not take many more requests than that. */
const MAX_REQUESTS = 64
/** Answers that take that much longer than a round trip fill the link. */
const QUICK_MS = 250
const SLOW_MS = 1_000
/** What is not there any more is not answered; so long after the last record the next request goes out anyway. */
const STALLED_MS = 60_000

/**
 * How many records are asked for at once, next time: as many as the link carries in less than a second, so that other answers do not
 * wait long behind them, and little is lost where it is cut.
 *
 * @param tookMs - what the last `keys` took, from the request on
 */
export function nextRequestSize(keys: number, tookMs: number, rttMs: number): number {
  const transferMs = tookMs - rttMs
  if (transferMs < QUICK_MS) return Math.min(keys * 2, MAX_KEYS)
  if (transferMs > SLOW_MS) return Math.max(Math.floor(keys / 2), MIN_KEYS)
  return keys
}

/**
 * What this node lacks of what a tunnel server has, asked for bit by bit. Each record is kept as it comes: after a cut link
 * the server tells anew what it has, and only the rest is asked for.
 */
export class RecordRequests implements Disposable {
  readonly #ask: (keys: readonly string[]) => void
  readonly #rttMs: number
  readonly #missing = new Set<string>()
  readonly #asked = new Set<string>()
  /** Of those that came since the last request. */
  #unreadable = 0
  #size = FIRST_KEYS
  #askedAt = 0
  /** Whether the request under way is a full one: a short one says nothing about the link. */
  #isFull = false
  #timer: NodeJS.Timeout | undefined

  /** @param ask - sends one request */
  constructor(rttMs: number, ask: (keys: readonly string[]) => void) {
    this.#rttMs = rttMs
    this.#ask = ask
  }

  /** Those are lacking, or are there in another version. */
  add(keys: readonly string[]): void {
    for (const key of keys) this.#missing.add(key)
    this.#next()
  }

  /** That one came, asked for or not; `undefined`: one that can't be read. */
  received(key: string | undefined): void {
    this.#timer?.refresh()
    if (this.#asked.size === 0) return void this.#missing.delete(key ?? '')
    if (key === undefined) this.#unreadable++
    else {
      this.#missing.delete(key)
      this.#asked.delete(key)
    }
    if (this.#asked.size > this.#unreadable) return
    this.#asked.clear()
    if (this.#isFull) this.#size = nextRequestSize(this.#size, performance.now() - this.#askedAt, this.#rttMs)
    this.#next()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#missing.clear()
  }

  #next(): void {
    if (this.#asked.size > 0) return
    clearTimeout(this.#timer)
    const size = Math.max(this.#size, Math.ceil(this.#missing.size / MAX_REQUESTS))
    const keys = [...this.#missing.values().take(size)]
    if (keys.length === 0) return
    for (const key of keys) {
      this.#missing.delete(key)
      this.#asked.add(key)
    }
    this.#isFull = keys.length === this.#size
    this.#askedAt = performance.now()
    this.#unreadable = 0
    this.#timer = setTimeout(() => this.#stalled(), STALLED_MS)
    this.#ask(keys)
  }

  #stalled(): void {
    this.#asked.clear()
    this.#next()
  }
}
