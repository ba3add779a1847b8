import { EdgewayError } from '@edgeway/core'

/** One thing that is wrong in a config file. */
export interface ConfigProblem {
  /** Where: `traffic.listenPort`, `tunnel.relays[0]`; empty for the document itself. */
  readonly path: string
  /** What was found and what was expected. */
  readonly message: string
  /** Line of the file, from 1; `undefined` when nothing stands there (a missing field). */
  readonly line: number | undefined
}

/** A config file is missing, unreadable, no YAML, or does not fit its schema. Names every problem at once. */
export class ConfigError extends EdgewayError {
  override readonly name = 'ConfigError'
  readonly code = 'ERR_CONFIG'
  readonly file: string
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super([`config file ${file} can't be used:`, ...problems.map(formatProblem)].join('\n'), options)
    this.file = file
    this.problems = problems
  }
}

function formatProblem({ path, line, message }: ConfigProblem): string {
  const place = line === undefined ? '' : `line ${line}: `
  return `  ${place}${path === '' ? '' : `${path}: `}${message}`
}

/** A value on the command line can't be used. The message names the option, what was found and what was expected. */
export class CommandLineError extends EdgewayError {
  override readonly name = 'CommandLineError'
  readonly code = 'ERR_COMMAND_LINE'
}

/** A metric's name, help or labels break the convention of CONTRIBUTING.md; a mistake in the code, found at start. */
export class MetricSpecError extends EdgewayError {
  override readonly name = 'MetricSpecError'
  readonly code = 'ERR_METRIC_SPEC'
}

/** The process may not change its group id. */
export class GroupIdError extends EdgewayError {
  override readonly name = 'GroupIdError'
  readonly code = 'ERR_GROUP_ID'
}
