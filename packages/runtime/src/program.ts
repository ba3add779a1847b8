import type { z } from 'zod'
import { type Command, parseCommandLine, usage } from './command-line.ts'
import { loadConfig } from './config.ts'
import { ConfigError } from './errors.ts'
import { EXIT_CODE, type ExitCode, type ProcessHost } from './process.ts'

/** One of the product's programs, as its command line sees it. */
export interface Program<Config> {
  readonly name: string
  /** One line for --help. */
  readonly summary: string
  readonly version: string
  readonly schema: z.ZodType<Config>
  /** Resolves when the program has stopped. */
  run(config: Config, host: ProcessHost): Promise<void>
  /** Removes what the program leaves on its node, for `--cleanup`; calls `host.fail` when something may be left. */
  readonly cleanUp?: (config: Config, host: ProcessHost) => Promise<void>
}

/** Does what the command line asks for: runs the program, checks its config file, cleans up, or explains. */
export async function runProgram<Config>(program: Program<Config>, host: ProcessHost): Promise<ExitCode> {
  const features = { cleanup: program.cleanUp !== undefined }
  const command = parseCommandLine(host.args, features)
  switch (command.kind) {
    case 'help':
      host.print(usage(program, features))
      return EXIT_CODE.ok
    case 'version':
      host.print(`${program.name} ${program.version}`)
      return EXIT_CODE.ok
    case 'wrong':
      host.printError(`${program.name}: ${command.message}\nTry ${program.name} --help.`)
      return EXIT_CODE.usage
    case 'check-config':
    case 'cleanup':
    case 'run':
      return runWithConfig(program, command, host)
  }
}

async function runWithConfig<Config>(
  program: Program<Config>,
  { kind, configFile }: Extract<Command, { readonly configFile: string }>,
  host: ProcessHost,
): Promise<ExitCode> {
  try {
    const config = await loadConfig(configFile, program.schema)
    if (kind === 'check-config') host.print(`${configFile}: valid`)
    else if (kind === 'cleanup') await program.cleanUp?.(config, host)
    else await program.run(config, host)
    return EXIT_CODE.ok
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    host.printError(`${program.name}: ${error.message}`)
    return EXIT_CODE.failure
  }
}
