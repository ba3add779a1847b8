/** How many idle connections are measured where not as many as wanted can be. */
export interface IdleCount {
  readonly count: number
  /** Why not as many as wanted; `undefined`: as many. */
  readonly reason?: string
}

/**
 * Of a relay's: the client's connection and the endpoint's, each once more where a relay engine works on descriptors of its
 * own.
 */
const DESCRIPTORS_PER_CONNECTION = 4
/** For what else a process has open. */
const OWN_DESCRIPTORS = 1_000
const STEP = 100

/**
 * @param descriptors - that a process may have
 * @throws {Error} when there is no room for a number worth measuring
 */
export function idleCountWithin(descriptors: number, wanted: number): IdleCount {
  const room = Math.floor((descriptors - OWN_DESCRIPTORS) / DESCRIPTORS_PER_CONNECTION)
  if (wanted <= room) return { count: wanted }
  const needed = wanted * DESCRIPTORS_PER_CONNECTION + OWN_DESCRIPTORS
  const reason = `a process may have ${descriptors} descriptors here (ulimit -Hn), and a relay of ${wanted} connections is given ${needed}`
  const count = Math.floor(room / STEP) * STEP
  if (count < STEP) throw new Error(reason)
  return { count, reason }
}
