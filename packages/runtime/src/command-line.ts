import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { CommandInput, formOf, type ProgramCommand, rowsOf } from './program-command.ts'

/** What a command line asks for. */
export type Command<Config> =
  | { readonly kind: 'run' | 'check-config' | 'cleanup'; readonly configFile: string }
  | {
      readonly kind: 'command'
      readonly command: ProgramCommand<Config>
      readonly input: CommandInput
      readonly configFile: string
    }
  /** `command`: the one whose help is wanted, instead of the program's. */
  | { readonly kind: 'help'; readonly command?: ProgramCommand<Config> }
  | { readonly kind: 'version' }
  /** `command`: the one whose help would help. */
  | { readonly kind: 'wrong'; readonly message: string; readonly command?: ProgramCommand<Config> }

/** What a command line may ask of a program besides what all can do. */
export interface CommandLineFeatures<Config> {
  /** Whether the program has something to clean up. */
  readonly cleanup: boolean
  readonly commands: readonly ProgramCommand<Config>[]
}

const COMMON_OPTIONS = { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
const RUN_OPTIONS = {
  ...COMMON_OPTIONS,
  'check-config': { type: 'boolean' },
  version: { type: 'boolean' },
} as const
const CLEANUP_OPTION = { cleanup: { type: 'boolean' } } as const

/** @param args - the command line after the program's own name */
export function parseCommandLine<Config>(
  args: readonly string[],
  features: CommandLineFeatures<Config>,
): Command<Config> {
  const words = features.commands.length === 0 ? [] : wordsOf(args, features.commands)
  const command = features.commands.find(({ name }) => isPrefix(name.split(' '), words))
  try {
    if (command !== undefined) return parseCommand(args, command)
    if (words.length > 0 && !asksForHelp(args)) return unknownCommand(words, features.commands)
    return commandOf(parseOptions(args, features))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { kind: 'wrong', message, ...(command === undefined ? {} : { command }) }
  }
}

/** Whatever is no option and no option's value. */
function wordsOf(args: readonly string[], commands: readonly ProgramCommand<never>[]): readonly string[] {
  const options = Object.assign({}, RUN_OPTIONS, ...commands.map(optionsOf)) as ParseArgsOptionsConfig
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true }).positionals
}

function optionsOf({ options }: Pick<ProgramCommand<never>, 'options'>): ParseArgsOptionsConfig {
  return Object.fromEntries(
    Object.entries(options).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  )
}

function isPrefix(name: readonly string[], words: readonly string[]): boolean {
  return name.every((word, index) => words[index] === word)
}

/** @throws {TypeError} of `parseArgs`, which says what is wrong */
function parseCommand<Config>(args: readonly string[], command: ProgramCommand<Config>): Command<Config> {
  const options: ParseArgsOptionsConfig = { ...COMMON_OPTIONS, ...optionsOf(command) }
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  if (values['help'] === true) return { kind: 'help', command }
  const wrong = (message: string): Command<Config> => ({ kind: 'wrong', message, command })

  const [argument, ...others] = positionals.slice(command.name.split(' ').length)
  const unexpected = command.argument === undefined ? argument : others[0]
  if (unexpected !== undefined) return wrong(`unexpected argument "${unexpected}"`)
  if (command.argument !== undefined && argument === undefined)
    return wrong(`${command.argument.name} is missing: ${command.argument.help}`)
  const { config } = values
  if (typeof config !== 'string' || config === '') return wrong('--config FILE is missing')
  const input = new CommandInput(argument ?? '', values)
  return { kind: 'command', command, input, configFile: config }
}

function asksForHelp(args: readonly string[]): boolean {
  return args.includes('--help') || args.includes('-h')
}

function unknownCommand<Config>(
  words: readonly string[],
  commands: readonly ProgramCommand<Config>[],
): Command<Config> {
  const alike = commands.filter(({ name }) => name.split(' ')[0] === words[0])
  const known = (alike.length > 0 ? alike : commands).map(({ name }) => name)
  return {
    kind: 'wrong',
    message: `unknown command "${words.join(' ')}": expected ${known.join(', ')}, or none to run`,
  }
}

interface OptionValues {
  readonly config?: string
  readonly 'check-config'?: boolean
  readonly cleanup?: boolean
  readonly help?: boolean
  readonly version?: boolean
}

function parseOptions(
  args: readonly string[],
  { cleanup, commands }: CommandLineFeatures<never>,
): OptionValues {
  // With commands, words were looked at before: what is here asks for help.
  const allowPositionals = commands.length > 0
  return cleanup
    ? parseArgs({ args: [...args], options: { ...RUN_OPTIONS, ...CLEANUP_OPTION }, allowPositionals }).values
    : parseArgs({ args: [...args], options: RUN_OPTIONS, allowPositionals }).values
}

function commandOf<Config>({
  help,
  version,
  config = '',
  cleanup,
  'check-config': check,
}: OptionValues): Command<Config> {
  if (help === true) return { kind: 'help' }
  if (version === true) return { kind: 'version' }
  if (config === '') return { kind: 'wrong', message: '--config FILE is missing' }
  if (check === true && cleanup === true)
    return { kind: 'wrong', message: '--check-config and --cleanup exclude each other' }
  if (cleanup === true) return { kind: 'cleanup', configFile: config }
  return { kind: check === true ? 'check-config' : 'run', configFile: config }
}

/** @param program - `summary`: one line */
export function usage<Config>(
  program: { readonly name: string; readonly summary: string },
  { cleanup, commands }: CommandLineFeatures<Config>,
): string {
  const modes = cleanup ? ' [--check-config | --cleanup]' : ' [--check-config]'
  const rows: (readonly [string, string])[] = [
    ['--config FILE', 'the config file, YAML'],
    ['--check-config', 'check the config file and exit: 0 when it is valid, 1 when it is not'],
    ...(cleanup
      ? [['--cleanup', 'remove from this node what the program left there, and exit'] as const]
      : []),
    ['--version', 'print the version'],
    ['-h, --help', commands.length === 0 ? 'print this text' : 'print this text, or that of a command'],
  ]
  return `${program.summary}

Usage: ${program.name} --config FILE${modes}
${commandList(program.name, commands)}
${rowsOf(rows)}

SIGTERM or SIGINT stops it; a second one stops it at once.
Exit codes: 0 stopped, 1 failed, 2 wrong command line.`
}

function commandList(program: string, commands: readonly ProgramCommand<never>[]): string {
  if (commands.length === 0) return ''
  const list = commands.map((command) => `  ${formOf(command)}\n      ${command.summary}`)
  return `       ${program} COMMAND --config FILE

Commands, each on what the program keeps; it may run meanwhile:
${list.join('\n')}
`
}
