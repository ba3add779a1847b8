import { EdgewayError } from '@edgeway/core'
import type { z } from 'zod'
import { type Command, parseCommandLine, usage } from './command-line.ts'
import { loadConfig } from './config.ts'
import { CommandLineError, ConfigError } from './errors.ts'
import { EXIT_CODE, type ExitCode, type ProcessHost } from './process.ts'
import { commandUsage, type ProgramCommand } from './program-command.ts'

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
  /** What it does besides, at its operator's command. */
  readonly commands?: readonly ProgramCommand<Config>[]
}

/** Does what the command line asks for: runs the program, carries a command out, checks its config file, or explains. */
export async function runProgram<Config>(program: Program<Config>, host: ProcessHost): Promise<ExitCode> {
  const features = { cleanup: program.cleanUp !== undefined, commands: program.commands ?? [] }
  const command = parseCommandLine(host.args, features)
  switch (command.kind) {
    case 'help':
      host.print(
        command.command === undefined
          ? usage(program, features)
          : commandUsage(program.name, command.command),
      )
      return EXIT_CODE.ok
    case 'version':
      host.print(`${program.name} ${program.version}`)
      return EXIT_CODE.ok
    case 'wrong':
      return refuse(program, command, host)
    case 'command':
      return runCommand(program, command, host)
    case 'check-config':
    case 'cleanup':
    case 'run':
      return runWithConfig(program, command, host)
  }
}

function refuse<Config>(
  { name }: Program<Config>,
  { command, message }: { readonly command?: ProgramCommand<Config>; readonly message: string },
  host: ProcessHost,
): ExitCode {
  const called = command === undefined ? name : `${name} ${command.name}`
  host.printError(`${called}: ${message}\nTry ${called} --help.`)
  return EXIT_CODE.usage
}

async function runCommand<Config>(
  program: Program<Config>,
  { command, input, configFile }: Extract<Command<Config>, { readonly kind: 'command' }>,
  host: ProcessHost,
): Promise<ExitCode> {
  try {
    const carryOut = command.read(input)
    await carryOut(await loadConfig(configFile, program.schema), host)
    return EXIT_CODE.ok
  } catch (error) {
    if (error instanceof CommandLineError) return refuse(program, { command, message: error.message }, host)
    if (!(error instanceof EdgewayError)) throw error
    host.printError(`${program.name} ${command.name}: ${error.message}`)
    return EXIT_CODE.failure
  }
}

async function runWithConfig<Config>(
  program: Program<Config>,
  { kind, configFile }: { readonly kind: 'run' | 'check-config' | 'cleanup'; readonly configFile: string },
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
