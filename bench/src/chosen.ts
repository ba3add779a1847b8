/** Of a process, as strings. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The parts of a bench that `PARTS` chooses, names with commas between; all of them unless it is set.
 *
 * @throws {Error} for a part that there is not
 */
export function partsIn(environment: Environment, known: readonly string[]): readonly string[] {
  const parts = environment['PARTS']?.split(',') ?? known
  const unknown = parts.filter((part) => !known.includes(part))
  if (unknown.length > 0)
    throw new Error(`no part ${unknown.join(', ')} in PARTS; there are ${known.join(', ')}`)
  return parts
}

/** @throws {Error} for a number that is none */
export function countIn(environment: Environment, name: string, usual: number): number {
  const value = Number(environment[name] ?? usual)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} is no number from 1 up`)
  return value
}
