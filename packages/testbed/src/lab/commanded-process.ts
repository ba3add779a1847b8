import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { LabError } from './errors.ts'
import type { LabHost } from './lab-host.ts'
import type { LabProcess } from './lab-process.ts'
import { mustRun } from './run-command.ts'

/** What a commanded process does for a command; its answer must survive JSON. */
export type CommandHandler = (command: unknown) => Promise<unknown>

/** A process on a host of a lab that takes commands and answers each, at any time; see `answerCommands`. */
export class CommandedProcess implements AsyncDisposable {
  readonly process: LabProcess
  readonly #input: FileHandle
  #commands = 0

  private constructor(process: LabProcess, input: FileHandle) {
    this.process = process
    this.#input = input
  }

  /**
   * @param name - unique in the lab, of the file that the commands go through
   * @throws {LabError} when that file can't be made
   */
  static async start(host: LabHost, name: string, command: readonly string[]): Promise<CommandedProcess> {
    const pipe = `${host.namespace.logFolder}/${name}.commands`
    await mkdir(host.namespace.logFolder, { recursive: true })
    await mustRun(['mkfifo', pipe])
    // Read and write: opening waits for nobody, and it stays open whoever comes and goes.
    const input = await open(pipe, 'r+')
    return new CommandedProcess(host.spawn(['sh', '-c', 'exec "$@" < "$0"', pipe, ...command]), input)
  }

  /** @throws {LabError} when the command fails, with its reason, or the process ends before it answers */
  async ask(command: object): Promise<unknown> {
    this.#commands += 1
    const id = this.#commands
    await this.#input.write(`${JSON.stringify({ id, command })}\n`)
    const [, kind, text = ''] = await this.process.waitForOutput(
      new RegExp(`^\\{"id":${id},"(answer|error)":(.*)\\}$`, 'm'),
    )
    if (kind === 'error') throw new LabError(`${JSON.stringify(command)}: ${text}`)
    return JSON.parse(text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]()
    await this.#input.close()
  }
}

/** For a program that a `CommandedProcess` runs: handles what comes in, several commands at a time. */
export function answerCommands(handle: CommandHandler): void {
  const write = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, command }: { id: number; command: unknown } = JSON.parse(line)
    handle(command).then(
      (answer) => write({ id, answer: answer ?? null }),
      (error: unknown) => write({ id, error: String(error) }),
    )
  })
}
