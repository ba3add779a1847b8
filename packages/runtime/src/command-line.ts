import { parseArgs } from 'node:util'

/** What a command line asks for. */
export type Command =
  | { readonly kind: 'run' | 'check-config'; readonly configFile: string }
  | { readonly kind: 'help' | 'version' }
  | { readonly kind: 'wrong'; readonly message: string }

const OPTIONS = {
  config: { type: 'string' },
  'check-config': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

/** @param args - the command line after the program's own name */
export function parseCommandLine(args: readonly string[]): Command {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS })
    if (values.help === true) return { kind: 'help' }
    if (values.version === true) return { kind: 'version' }
    if (values.config === undefined || values.config === '')
      return { kind: 'wrong', message: '--config FILE is missing' }
    return { kind: values['check-config'] === true ? 'check-config' : 'run', configFile: values.config }
  } catch (error) {
    return { kind: 'wrong', message: error instanceof Error ? error.message : String(error) }
  }
}

export function usage(program: string, summary: string): string {
  return `${summary}

Usage: ${program} --config FILE [--check-config]

  --config FILE    the config file, YAML
  --check-config   check the config file and exit: 0 when it is valid, 1 when it is not
  --version        print the version
  -h, --help       print this text

SIGTERM or SIGINT stops it; a second one stops it at once.
Exit codes: 0 stopped, 1 failed, 2 wrong command line.`
}
