import type { LogFields, Logger } from './ports/logger.ts'

const LINES_PER_MINUTE = 30
const MINUTE_MS = 60_000

/**
 * Writes `warn` lines about what anybody on the network can cause, so many per minute: strangers must not fill the disk.
 * The first line of a later minute says in `leftOut` how many there were besides; metrics count them all.
 */
export function limitedWarn(
  logger: Pick<Logger, 'warn'>,
  linesPerMinute: number = LINES_PER_MINUTE,
): Logger['warn'] {
  let minuteEndsAt = Number.NEGATIVE_INFINITY
  let lines = 0
  return (message: string, fields: LogFields = {}) => {
    const now = performance.now()
    const leftOut = Math.max(0, lines - linesPerMinute)
    const isNewMinute = now >= minuteEndsAt
    if (isNewMinute) {
      minuteEndsAt = now + MINUTE_MS
      lines = 0
    }
    lines++
    if (lines > linesPerMinute) return
    logger.warn(message, isNewMinute && leftOut > 0 ? { ...fields, leftOut } : fields)
  }
}
