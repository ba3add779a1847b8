import { CommandLineError } from './errors.ts'
import type { ProcessHost } from './process.ts'

/** An option of a sub-command, as `--name`. */
export interface CommandOption {
  /** For --help: what it does. */
  readonly help: string
  /** For --help: what its value is, e.g. `NODE`; an option without one is on or off. */
  readonly value?: string
}

/** A word that a sub-command needs behind its name. */
export interface CommandArgument {
  /** For --help and messages, e.g. `ID`. */
  readonly name: string
  readonly help: string
}

/**
 * Something that a program does at its operator's command instead of running: `program WORDS... --config FILE`. What it
 * finds out goes to standard output and nothing else does, so that it can be piped; remarks go to standard error.
 */
export interface ProgramCommand<Config> {
  /** Its name, e.g. `token create`. */
  readonly name: string
  /** One line for --help. */
  readonly summary: string
  /** For its own --help: what it means for the operator. */
  readonly details: string
  readonly argument?: CommandArgument
  /** By name, without the dashes. One that several commands have is of the same form in all of them. */
  readonly options: Readonly<Record<string, CommandOption>>
  /**
   * Reads the command line, before anything else is done.
   *
   * @returns what the command does. It throws an `EdgewayError` when it fails for a known reason.
   * @throws {CommandLineError} when a value can't be used
   */
  read(input: CommandInput): (config: Config, host: ProcessHost) => Promise<void>
}

/** What the command line says of a sub-command's options and arguments. */
export class CommandInput {
  /** Of the argument; empty for a command that has none. */
  readonly argument: string
  readonly #values: Readonly<Record<string, unknown>>

  constructor(argument: string, values: Readonly<Record<string, unknown>>) {
    this.argument = argument
    this.#values = values
  }

  /** @returns `undefined` when the option is not given */
  value(option: string): string | undefined {
    const value = this.#values[option]
    return typeof value === 'string' ? value : undefined
  }

  /** Whether an option without a value is given. */
  has(option: string): boolean {
    return this.#values[option] === true
  }

  /**
   * The value of an option in another form.
   *
   * @param parse - returns `undefined` for a text that it can't take
   * @throws {CommandLineError} then, with what was found and what was expected
   */
  parsed<Value>(
    option: string,
    parse: (text: string) => Value | undefined,
    expected: string,
  ): Value | undefined {
    const text = this.value(option)
    if (text === undefined) return undefined
    const value = parse(text)
    if (value === undefined) throw new CommandLineError(`--${option}: expected ${expected}, found "${text}"`)
    return value
  }
}

/** As in the line `Usage:`, e.g. `token create [--node NODE] --config FILE`. */
export function formOf({
  name,
  argument,
  options,
}: Pick<ProgramCommand<never>, 'name' | 'argument' | 'options'>): string {
  const optional = Object.entries(options).map(
    ([option, { value }]) => `[--${option}${value === undefined ? '' : ` ${value}`}]`,
  )
  return [name, ...(argument === undefined ? [] : [argument.name]), ...optional, '--config FILE'].join(' ')
}

/** The text of `program WORDS... --help`. */
export function commandUsage<Config>(program: string, command: ProgramCommand<Config>): string {
  const { summary, details, argument, options } = command
  const rows: (readonly [string, string])[] = [
    ...(argument === undefined ? [] : [[argument.name, argument.help] as const]),
    ...Object.entries(options).map(
      ([option, { value = '', help }]) => [`--${option} ${value}`.trimEnd(), help] as const,
    ),
    ['--config FILE', 'the config file of the program, YAML'],
    ['-h, --help', 'print this text'],
  ]
  return `${summary}

Usage: ${program} ${formOf(command)}

${rowsOf(rows)}

${details}

Exit codes: 0 done, 1 failed, 2 wrong command line.`
}

/** Lines of two columns. */
export function rowsOf(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`).join('\n')
}
