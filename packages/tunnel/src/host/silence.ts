import { SLOWEST_BYTES_PER_MS, UNKNOWN_RTT_MS } from './patience.ts'

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
  /** The same, waited on or not, while the other side's kernel still acknowledges what is sent: see `Acknowledgements`. */
  readonly heldUpGraceMs: number
  /** The same for a circuit, waited on or not. A dead relay ends its circuits without this, and new flows pass a suspect one over. */
  readonly circuitGraceMs: number
  /**
   * The same for one that may be held up. yamux hands on a frame when all of it has come, at each hop, and a frame may be 1 MiB:
   * bulk on a slow link makes pauses of many seconds.
   */
  readonly slowCircuitGraceMs: number
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
  /** When the other side's kernel was seen to acknowledge what was sent since; `undefined` while it was not. */
  readonly acknowledgedAt: number | undefined
  readonly isRelay: boolean
  /** `undefined` for a connection without a relay. */
  readonly circuit: CircuitSilence | undefined
}

/** What may hold up a circuit whose other end lives. */
export interface CircuitSilence {
  /** Of what was sent on it, what a slow link may still be at. */
  readonly backlogBytes: number
  /** Of the connection to the relay; `undefined` before the first answer. */
  readonly carrierRttMs: number | undefined
  /** Bytes come from the relay, and may be a part of a frame of this circuit. */
  readonly isFrameComing: boolean
  /** When the connection to the relay was itself in doubt last; if it is dead, the circuit ends with it. `undefined`: never. */
  readonly carrierSuspectAt: number | undefined
}

/** `ask`: ask now; `suspect`: avoid it for what is new; `dead`: close it. */
export type SilenceVerdict = 'fine' | 'ask' | 'suspect' | 'dead'

/** An answer to what was sent may take that long before it is asked for, */
const WAITING_MS = 400
/** but so soon after other bytes nothing is asked. */
const QUIET_MS = 600
const MIN_SLACK_MS = 300
/** Signs of life are sent as often as that where there is a reason to. */
export const SIGN_OF_LIFE_MS = 1_000
/** From here on something is slow, or in the way: the next frame may take as long as frames do on the slowest link. */
const SLOW_RTT_MS = 500

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
  return overdueMs < graceOf(silence, now, options) ? 'suspect' : 'dead'
}

function graceOf(silence: Silence, now: number, options: LivenessOptions): number {
  const { waitingSince, circuit, rttMs } = silence
  if (circuit !== undefined) return graceOfCircuit({ ...circuit, rttMs }, now, options)
  if (isHeldUp(silence, now, options)) return options.heldUpGraceMs
  return waitingSince === undefined ? options.idleGraceMs : options.waitingGraceMs
}

/** A sign of life is sent each second while the connection is suspect, so something is acknowledged as often. */
function isHeldUp(silence: Silence, now: number, options: LivenessOptions): boolean {
  const { acknowledgedAt = Number.NEGATIVE_INFINITY } = silence
  return now - acknowledgedAt < SIGN_OF_LIFE_MS + answerTimeoutMs(silence, options)
}

function graceOfCircuit(
  {
    backlogBytes,
    carrierRttMs = 0,
    isFrameComing,
    carrierSuspectAt,
    rttMs,
  }: CircuitSilence & Pick<Silence, 'rttMs'>,
  now: number,
  { circuitGraceMs, slowCircuitGraceMs }: LivenessOptions,
): number {
  // What was held up comes one after the other, and the first of it ends the doubt about the relay.
  const wasCarrierSuspect = carrierSuspectAt !== undefined && now - carrierSuspectAt < circuitGraceMs
  const isSlow = Math.max(rttMs ?? UNKNOWN_RTT_MS, carrierRttMs) >= SLOW_RTT_MS
  if (isSlow || isFrameComing || wasCarrierSuspect) return slowCircuitGraceMs
  return Math.min(slowCircuitGraceMs, circuitGraceMs + backlogBytes / SLOWEST_BYTES_PER_MS)
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
