export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** What goes with a log line; `error` may hold an `Error`, whose code, message and causes are logged. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * Structured log. The message is a constant English sentence, everything that varies is a field.
 *
 * `error`: a human must act. `warn`: degraded, will retry. `info`: start, stop, config, peer and relay changes.
 * `debug`: per flow, per query.
 */
export interface Logger {
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  /** Whether lines of that level are written: asked where making their fields costs something. */
  isEnabled(level: LogLevel): boolean
  /** A logger whose every line carries `fields` too. */
  child(fields: LogFields): Logger
}
