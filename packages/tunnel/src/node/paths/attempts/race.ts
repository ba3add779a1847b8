/** One way to get something, and how long the ways before it are given alone. */
export interface Contender<T> {
  readonly headStartMs: number
  run(): Promise<T>
}

/**
 * Starts the contenders one after the other, the next one as soon as its head start has passed or all running ones have
 * failed. The first success wins; the others run on.
 *
 * @throws {AggregateError} of all failures, when none succeeds
 * @see RFC 8305, section 5
 */
export function race<T>(contenders: readonly Contender<T>[]): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const errors: unknown[] = []
  let started = 0
  let timer: NodeJS.Timeout | undefined

  const startNext = (): void => {
    clearTimeout(timer)
    const contender = contenders[started]
    if (contender === undefined) return
    started++
    contender.run().then(won, lost)
    const next = contenders[started]
    if (next !== undefined) timer = setTimeout(startNext, next.headStartMs)
  }
  const won = (result: T): void => {
    clearTimeout(timer)
    started = contenders.length
    resolve(result)
  }
  const lost = (error: unknown): void => {
    errors.push(error)
    if (errors.length === contenders.length) reject(new AggregateError(errors, 'no contender succeeded'))
    else if (errors.length === started) startNext()
  }

  if (contenders.length === 0) reject(new AggregateError([], 'there are no contenders'))
  else startNext()
  return promise
}
