import { TUNNEL_PATHS, type TunnelPath } from '../../../metrics.ts'

/**
 * Whether new flows may take a path. `overdue`: it owes an answer, and is taken only where there is no other; `silent`: it
 * owes one for so long that it is suspect; `avoided`: it did not take a flow lately.
 */
export type PathCondition = 'good' | 'overdue' | 'silent' | 'avoided'

/** An open path, as far as the choice goes. */
export interface ChoosablePath {
  /** Tells it from the others, and is the same at each look. */
  readonly id: object
  readonly kind: TunnelPath
  /** `undefined` before it was measured. */
  readonly rttMs: number | undefined
  /** It was measured often enough to compare it with others: the first time was amid the handshake. */
  readonly isMeasured: boolean
  /** Share of segments that had to be sent again, 0 to 1; `undefined` where it is not known. */
  readonly lossShare: number | undefined
  readonly condition: PathCondition
  /** It is about to be closed in favour of another one of its kind. */
  readonly isSpare: boolean
}

/** Why new flows take that path now, and not the one before. */
export const PATH_CHANGES = [
  'opened',
  'closed',
  'silent',
  'avoided',
  'better-kind',
  'faster',
  'spare',
] as const

export type PathChange = (typeof PATH_CHANGES)[number]

/** What new flows to one peer take. */
export interface Choice<P extends ChoosablePath> {
  readonly path: P
  /** Why it was taken; of the time when it was. */
  readonly reason: PathChange
  /** Another one that is clearly better, and since when. */
  readonly rival: { readonly id: object; readonly since: number } | undefined
}

/** Another path of the same kind must be better by both: that share, and that many ms. */
const BETTER_BY = 0.2
const BETTER_BY_MS = 10
/** A worse kind is taken only when it is better by both: so many times, and that many ms; */
const CLEARLY = { times: 2, ms: 50 }
/** and once it was taken, for as long as it is better by both of these. */
const STILL = { times: 1.5, ms: 25 }
/** A path of the same kind or a worse one must have been better that long. */
const SUSTAINED_MS = 3_000

/** A small call takes some ten segments, and Linux sends a lost one again after 200 ms at the earliest. */
const SEGMENTS_OF_CALL = 10
const MIN_RETRANSMISSION_MS = 200

/**
 * Which of the open paths new flows take. Better kinds first (lan, direct, punched, relayed) unless they are clearly slower;
 * of one kind the first that is named, unless another is clearly faster. A better kind is taken at once; what is only faster
 * must have been so for a while: paths must not flap with the noise of measurements.
 *
 * @param before - what was chosen last
 * @param now - in ms, of any clock
 * @returns `undefined` when no path can be used
 */
export function choosePath<P extends ChoosablePath>(
  paths: readonly P[],
  before: Choice<P> | undefined,
  now: number,
): Choice<P> | undefined {
  const usable = usablePaths(paths)
  const current = usable.find(({ id }) => id === before?.path.id)
  if (before === undefined || current === undefined) {
    const [first] = firstOf(usable)
    return first && { path: first, reason: reasonToLeave(paths, before), rival: undefined }
  }
  const [better] = firstOf(usable.filter((path) => isBetterKind(path, current)))
  if (better !== undefined && !isFaster(current, better, STILL))
    return { path: better, reason: 'better-kind', rival: undefined }
  const keeper = current.isSpare
    ? usable.find(({ kind, isSpare }) => kind === current.kind && !isSpare)
    : undefined
  if (keeper !== undefined) return { path: keeper, reason: 'spare', rival: undefined }
  return outlast({ ...before, path: current }, fastest(usable, current), now)
}

/** What a path costs a small call, in ms: a round trip, and the time that lost segments take; `undefined`: not known. */
export function costOf({
  rttMs,
  isMeasured,
  lossShare = 0,
}: Pick<ChoosablePath, 'rttMs' | 'isMeasured' | 'lossShare'>): number | undefined {
  if (rttMs === undefined || !isMeasured) return undefined
  return rttMs + lossShare * SEGMENTS_OF_CALL * Math.max(MIN_RETRANSMISSION_MS, 2 * rttMs)
}

/** 0 is the best kind. */
export function rankOf(kind: TunnelPath): number {
  return TUNNEL_PATHS.indexOf(kind)
}

/** Overdue ones only where there is nothing else. */
export function usablePaths<P extends Pick<ChoosablePath, 'condition'>>(paths: readonly P[]): P[] {
  const good = paths.filter(({ condition }) => condition === 'good')
  return good.length > 0 ? good : paths.filter(({ condition }) => condition === 'overdue')
}

/** Best first, where nothing is in use yet. */
function firstOf<P extends ChoosablePath>(paths: readonly P[]): P[] {
  const sorted = paths.toSorted(
    (a, b) => rankOf(a.kind) - rankOf(b.kind) || Number(a.isSpare) - Number(b.isSpare),
  )
  const [first, ...others] = sorted
  if (first === undefined) return []
  const faster = others.find((other) => other.kind !== first.kind && isFaster(other, first, CLEARLY))
  return faster === undefined ? sorted : [faster, ...sorted.filter((path) => path !== faster)]
}

/** @param before - what is left, or not there any more */
export function reasonToLeave(
  paths: readonly ChoosablePath[],
  before: Choice<ChoosablePath> | undefined,
): PathChange {
  if (before === undefined) return 'opened'
  const left = paths.find(({ id }) => id === before.path.id)
  if (left === undefined) return 'closed'
  return left.condition === 'avoided' ? 'avoided' : 'silent'
}

function fastest<P extends ChoosablePath>(paths: readonly P[], current: P): P | undefined {
  const isRival = (path: P): boolean =>
    path.kind === current.kind
      ? !path.isSpare && isFaster(path, current, { times: 1 / (1 - BETTER_BY), ms: BETTER_BY_MS })
      : isBetterKind(current, path) && isFaster(path, current, CLEARLY)
  const cost = (path: P): number => costOf(path) ?? Number.POSITIVE_INFINITY
  return paths.filter(isRival).toSorted((a, b) => cost(a) - cost(b))[0]
}

function outlast<P extends ChoosablePath>(choice: Choice<P>, rival: P | undefined, now: number): Choice<P> {
  if (rival === undefined) return { ...choice, rival: undefined }
  const since = choice.rival?.id === rival.id ? choice.rival.since : now
  if (now - since >= SUSTAINED_MS) return { path: rival, reason: 'faster', rival: undefined }
  return { ...choice, rival: { id: rival.id, since } }
}

function isBetterKind(path: ChoosablePath, other: ChoosablePath): boolean {
  return rankOf(path.kind) < rankOf(other.kind)
}

/** What is not measured is neither faster nor slower. */
function isFaster(path: ChoosablePath, other: ChoosablePath, by: { times: number; ms: number }): boolean {
  const [cost, otherCost] = [costOf(path), costOf(other)]
  if (cost === undefined || otherCost === undefined) return false
  return otherCost >= cost * by.times && otherCost >= cost + by.ms
}
