import { parseArgs } from 'node:util'

/** What a command line asks for. */
export type Command =
  | { readonly kind: 'run' | 'check-config' | 'cleanup'; readonly configFile: string }
  | { readonly kind: 'help' | 'version' }
  | { readonly kind: 'wrong'; readonly message: string }

/** What a command line may ask of a program besides what all can do. */
export interface CommandLineFeatures {
  /** Whether the program has something to clean up. */
  readonly cleanup: boolean
}

const OPTIONS = {
  config: { type: 'string' },
  'check-config': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const
const CLEANUP_OPTION = { cleanup: { type: 'boolean' } } as const

/** @param args - the command line after the program's own name */
export function parseCommandLine(args: readonly string[], features: CommandLineFeatures): Command {
  try {
    return commandOf(parseOptions(args, features))
  } catch (error) {
    return { kind: 'wrong', message: error instanceof Error ? error.message : String(error) }
  }
}

interface OptionValues {
  readonly config?: string
  readonly 'check-config'?: boolean
  readonly cleanup?: boolean
  readonly help?: boolean
  readonly version?: boolean
}

function parseOptions(args: readonly string[], { cleanup }: CommandLineFeatures): OptionValues {
  return cleanup
    ? parseArgs({ args: [...args], options: { ...OPTIONS, ...CLEANUP_OPTION } }).values
    : parseArgs({ args: [...args], options: OPTIONS }).values
}

function commandOf({ help, version, config = '', cleanup, 'check-config': check }: OptionValues): Command {
  if (help === true) return { kind: 'help' }
  if (version === true) return { kind: 'version' }
  if (config === '') return { kind: 'wrong', message: '--config FILE is missing' }
  if (check === true && cleanup === true)
    return { kind: 'wrong', message: '--check-config and --cleanup exclude each other' }
  if (cleanup === true) return { kind: 'cleanup', configFile: config }
  return { kind: check === true ? 'check-config' : 'run', configFile: config }
}

/** @param program - `summary`: one line */
export function usage(
  program: { readonly name: string; readonly summary: string },
  { cleanup }: CommandLineFeatures,
): string {
  const [form, line] = cleanup
    ? [
        ' [--check-config | --cleanup]',
        '\n  --cleanup        remove from this node what the program left there, and exit',
      ]
    : [' [--check-config]', '']
  return `${program.summary}

Usage: ${program.name} --config FILE${form}

  --config FILE    the config file, YAML
  --check-config   check the config file and exit: 0 when it is valid, 1 when it is not${line}
  --version        print the version
  -h, --help       print this text

SIGTERM or SIGINT stops it; a second one stops it at once.
Exit codes: 0 stopped, 1 failed, 2 wrong command line.`
}
