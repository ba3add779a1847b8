import { type LogFields, type Logger, limitedWarn } from '@edgeway/core'

/** Who is refused comes again every few seconds. */
const REPEAT_AFTER_MS = 60_000
/** Strangers have as many keys as they like. */
const MAX_REMEMBERED = 1_000

/** Why it was refused: fields of the log line, and what is compared. */
export interface LoggedRefusal extends LogFields {
  readonly peer: string
  readonly reason: string
}

/**
 * Writes why peers are refused: the same of the same peer once a minute, and so many lines a minute in all. So one node that
 * tries again and again does not hide the others.
 *
 * @param now - milliseconds
 */
export function refusalLog(
  logger: Pick<Logger, 'warn'>,
  now: () => number = () => performance.now(),
): (message: string, refusal: LoggedRefusal) => void {
  const warn = limitedWarn(logger)
  const loggedAt = new Map<string, number>()
  return (message, refusal) => {
    const key = `${refusal.peer} ${refusal.reason}`
    const before = loggedAt.get(key)
    if (before !== undefined && now() - before < REPEAT_AFTER_MS) return
    if (loggedAt.size >= MAX_REMEMBERED) loggedAt.clear()
    loggedAt.set(key, now())
    warn(message, refusal)
  }
}
