import { LabError } from '../lab/errors.ts'

/** What happens to the frames of one direction; nothing where nothing is given. */
export interface WanDirection {
  /** Every frame takes that much longer. */
  readonly delayMs?: number
  /** And up to that much more, by chance, evenly spread; the order is kept. */
  readonly jitterMs?: number
  /** How many of a hundred frames vanish, by chance. */
  readonly lossPercent?: number
  /** How many of a hundred frames, by chance, arrive without the delay, so before those under way; needs a delay. */
  readonly reorderPercent?: number
  /** Of whole frames, with their Ethernet headers. As fast as the machine is unless given. */
  readonly bitsPerSecond?: number
  /** Where a rate is given: a frame that would wait longer than that for the line is dropped; 200 unless given. */
  readonly queueMs?: number
}

/** A wide-area link, by direction as the emulated host sees it. */
export interface WanSpec {
  readonly sent?: WanDirection
  readonly received?: WanDirection
}

/** A direction with everything decided; `bitsPerSecond: 0` is no limit. */
export type Impairment = Required<WanDirection>

export interface Impairments {
  readonly sent: Impairment
  readonly received: Impairment
}

/** As a home router's buffer holds. */
const DEFAULT_QUEUE_MS = 200
const PERCENTAGES = ['lossPercent', 'reorderPercent'] as const
const DURATIONS = ['delayMs', 'jitterMs', 'queueMs'] as const
const MAX_DURATION_MS = 60_000

/** Both directions alike, each with half of that delay: a round trip takes at least that long. */
export function roundTrip(roundTripMs: number, rest: Omit<WanDirection, 'delayMs'> = {}): WanSpec {
  const direction = { ...rest, delayMs: roundTripMs / 2 }
  return { sent: direction, received: direction }
}

/** @throws {LabError} naming the field that is no percentage, duration or rate */
export function impairmentsOf({ sent = {}, received = {} }: WanSpec): Impairments {
  return { sent: impairmentOf('sent', sent), received: impairmentOf('received', received) }
}

function impairmentOf(direction: string, given: WanDirection): Impairment {
  const impairment = {
    delayMs: 0,
    jitterMs: 0,
    lossPercent: 0,
    reorderPercent: 0,
    bitsPerSecond: 0,
    queueMs: DEFAULT_QUEUE_MS,
    ...given,
  }
  const check = (field: keyof WanDirection, max: number): void => {
    const value = impairment[field]
    if (!(value >= 0 && value <= max))
      throw new LabError(`${direction}.${field} is ${value}, expected 0 to ${max}`)
  }
  for (const field of PERCENTAGES) check(field, 100)
  for (const field of DURATIONS) check(field, MAX_DURATION_MS)
  check('bitsPerSecond', Number.MAX_SAFE_INTEGER)
  if (impairment.reorderPercent > 0 && impairment.delayMs === 0)
    throw new LabError(`${direction}.reorderPercent needs a delayMs: without it no frame is under way`)
  return impairment
}
