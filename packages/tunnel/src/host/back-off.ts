const FIRST_MS = 200
/** A restarted server is used again within 5 s: that leaves time to connect. */
const MAX_MS = 3_000
/** Who is refused is refused again until somebody does something about it, and each attempt costs the server a handshake. */
const MAX_REFUSED_MS = 30_000
/** Nobody was there who could mind, and a link may be up for a few seconds only: the attempts themselves take time. */
const MAX_UNREACHED_MS = 500
const MAX_BY_OUTCOME = { failed: MAX_MS, refused: MAX_REFUSED_MS, unreached: MAX_UNREACHED_MS }
const MS_PER_AGENT = 10
const MAX_SPREAD_MS = 10_000

/**
 * How long to wait before the next attempt: 0.2 s, doubled up to 3 s, or up to 30 s while the server refuses, or up to 0.5 s
 * while nothing answers at all; less up to half by chance, so that the agents of a restarted server don't come all at once.
 */
export class BackOff {
  #nextMs = FIRST_MS

  next(outcome: keyof typeof MAX_BY_OUTCOME = 'failed'): number {
    const maxMs = MAX_BY_OUTCOME[outcome]
    const delayMs = Math.min(this.#nextMs, maxMs)
    this.#nextMs = Math.min(delayMs * 2, maxMs)
    return delayMs * (0.5 + Math.random() / 2)
  }

  reset(): void {
    this.#nextMs = FIRST_MS
  }
}

/**
 * How long to wait after a session was lost: all that the server had come back, and are spread over a time that it needs
 * for so many.
 *
 * @param agents - how many the server had
 * @param chance - 0 to 1
 */
export function delayAfterLoss(agents: number, chance: number): number {
  return Math.min(agents * MS_PER_AGENT, MAX_SPREAD_MS) * chance
}
