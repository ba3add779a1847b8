/** How long a connection may be silent, and what follows. All times in ms. */
export interface LivenessOptions {
  /** How often it is looked at. */
  readonly tickMs: number
  /** Silent that long without need: it is asked. */
  readonly idleMs: number
  /** The same for connections to relays, of which more depends. */
  readonly relayIdleMs: number
  /** At least this is waited for an answer before the connection is suspect; more where round trips are long. */
  readonly answerMs: number
  /** Suspect that long while something is waited for: it is dead. */
  readonly waitingGraceMs: number
  /** The same while nothing is: TCP gets more attempts on a link that loses much. */
  readonly idleGraceMs: number
  /**
   * The same for a circuit, waited on or not. yamux hands on a frame when all of it has come, at each hop, and a frame may be
   * 1 MiB: bulk on a slow link makes pauses of seconds. A dead relay ends its circuits without this, and new flows pass a
   * suspect one over.
   */
  readonly circuitGraceMs: number
}

/** What is known of one connection; times are those of one clock, in ms. */
export interface Silence {
  /** When bytes came last. */
  readonly aliveAt: number
  /** When that which is waited for was sent; `undefined` while nothing is. */
  readonly waitingSince: number | undefined
  /** When the question was asked that has no answer yet. */
  readonly askedAt: number | undefined
  /** The smoothed round-trip time; `undefined` before the first answer. */
  readonly rttMs: number | undefined
  readonly isRelay: boolean
  readonly isCircuit: boolean
}

/** `ask`: ask now; `suspect`: avoid it for what is new; `dead`: close it. */
export type SilenceVerdict = 'fine' | 'ask' | 'suspect' | 'dead'

/** An answer to what was sent may take that long before it is asked for, */
const WAITING_MS = 400
/** but so soon after other bytes nothing is asked. */
const QUIET_MS = 600
/** Until it was measured: better one question too patient than a slow link that never comes up. */
const UNKNOWN_RTT_MS = 500
const MIN_SLACK_MS = 300

/**
 * What the silence of a connection means. While something is waited for: asked within 0.6 s, suspect within 1.7 s, and
 * dead 2 s later, on round trips up to 150 ms.
 */
export function judgeSilence(silence: Silence, now: number, options: LivenessOptions): SilenceVerdict {
  const dueAt = questionDueAt(silence, options)
  const { askedAt, aliveAt } = silence
  if (askedAt === undefined) return now >= dueAt ? 'ask' : 'fine'
  // Bytes came since: as if it were asked anew when that is due, for yamux knows one question at a time.
  const openSince = aliveAt > askedAt ? dueAt : askedAt
  const overdueMs = now - openSince - answerTimeoutMs(silence, options)
  if (overdueMs < 0) return 'fine'
  return overdueMs < graceOf(silence, options) ? 'suspect' : 'dead'
}

function graceOf({ waitingSince, isCircuit }: Silence, options: LivenessOptions): number {
  if (isCircuit) return options.circuitGraceMs
  return waitingSince === undefined ? options.idleGraceMs : options.waitingGraceMs
}

function questionDueAt({ aliveAt, waitingSince, isRelay, rttMs }: Silence, options: LivenessOptions): number {
  if (waitingSince === undefined) return aliveAt + (isRelay ? options.relayIdleMs : options.idleMs)
  return Math.max(aliveAt + QUIET_MS, waitingSince + WAITING_MS + (rttMs ?? 0))
}

function answerTimeoutMs({ rttMs }: Silence, { answerMs }: LivenessOptions): number {
  return Math.max(answerMs, 3 * (rttMs ?? UNKNOWN_RTT_MS) + MIN_SLACK_MS)
}

/** @see RFC 6298, section 2: the smoothed round-trip time */
export function smoothedRtt(before: number | undefined, sampleMs: number): number {
  return before === undefined ? sampleMs : before + (sampleMs - before) / 8
}
