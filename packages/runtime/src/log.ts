import type { LogFields, Logger, LogLevel } from '@edgeway/core'
import { type DestinationStream, type Logger as Pino, pino, stdTimeFunctions } from 'pino'
import { serializeErrorFields } from './serialize-error.ts'

export interface LogOptions {
  /** The least important level that is written. */
  readonly level: LogLevel
}

export const DEFAULT_LOG_OPTIONS: LogOptions = { level: 'info' }

/** What waits while standard output takes nothing (a full disk); later lines are lost until it does. */
const MAX_WAITING_BYTES = 1_024 * 1_024

/**
 * A Logger that writes one line of JSON per call: `level`, `time` (UTC), the fields, `message`.
 *
 * @param destination - standard output unless given; written synchronously, so that the last lines before an exit
 *   are not lost
 */
export function createLogger(options: LogOptions, destination?: DestinationStream): Logger {
  const settings = {
    level: options.level,
    base: null,
    messageKey: 'message',
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: serializeErrorFields },
  }
  return new PinoLogger(pino(settings, destination ?? standardOutput()))
}

function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: MAX_WAITING_BYTES })
  // A log that can't be written must not end the process, and there is nowhere to say so: the next line tries again.
  output.on('error', () => undefined)
  return output
}

class PinoLogger implements Logger {
  readonly #pino: Pino

  constructor(logger: Pino) {
    this.#pino = logger
  }

  error(message: string, fields: LogFields = {}): void {
    this.#pino.error(fields, message)
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#pino.warn(fields, message)
  }

  info(message: string, fields: LogFields = {}): void {
    this.#pino.info(fields, message)
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#pino.debug(fields, message)
  }

  isEnabled(level: LogLevel): boolean {
    return this.#pino.isLevelEnabled(level)
  }

  child(fields: LogFields): Logger {
    return new PinoLogger(this.#pino.child(serializeErrorFields(fields)))
  }
}
