const JITTER = 0.2

/** That much, more or less a fifth at random: nodes do not march in step. */
export function varied(value: number): number {
  return value * (1 - JITTER + 2 * JITTER * Math.random())
}
