import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { CommandError } from '../../errors.ts'
import { type Nft, nftFailure } from './nft.ts'

/** Starts a command whose input and output stay open. */
export type StartCommand = (command: readonly string[]) => Promise<ChildProcessWithoutNullStreams>

/**
 * Standard error goes the way of standard output, so that it is known which command an error belongs to. At its end nft
 * saves all lines in `$HOME/.nft.history`, and reads them at its start: no such file can be there.
 */
const INTERACTIVE = ['sh', '-c', 'HOME=/dev/null exec nft -i 2>&1'] as const

/** Is answered from nft's own tables, by one line that nothing else ends with; so what came before has been carried out. */
const BARRIER = 'describe inet_service'
const BARRIER_ANSWER = /^datatype inet_service .*\n$/m

/** Longer scripts are for a process of their own, which gives its memory back. */
const MAX_SCRIPT_LENGTH = 64 * 1024

/** nft keeps every line in memory as its history: after so many characters another process takes over. */
const MAX_HISTORY_LENGTH = 2 * 1024 * 1024

const TIMEOUT_MS = 30_000

/**
 * Carries out small scripts in one `nft` process that stays a long time: some 0.5 ms each. A process of its own costs 5 ms to start,
 * and after a deletion the kernel holds up its end for a grace period of RCU, some 10 ms.
 */
export class NftSession implements Nft {
  readonly check: Nft['check']
  readonly list: Nft['list']
  readonly #base: Nft
  readonly #start: StartCommand
  #child: ChildProcessWithoutNullStreams | undefined
  #historyLength = 0
  /** This nft has no interactive mode, or it does not work here. */
  #isUnusable = false

  /** @param base - for all else */
  constructor(base: Nft, start: StartCommand) {
    this.#base = base
    this.#start = start
    this.check = base.check
    this.list = base.list
  }

  async load(script: string): Promise<void> {
    const line = oneLineOf(script)
    const child = line === undefined ? undefined : await this.#running()
    if (line === undefined || child === undefined) return this.#base.load(script)
    const words = await this.#carryOut(child, line)
    this.#historyLength += line.length
    if (this.#historyLength > MAX_HISTORY_LENGTH) this.close()
    if (words !== '') throw nftFailure('-i', words)
  }

  /** The process ends; another load starts a new one. */
  close(): void {
    this.#child?.stdin.end()
    this.#child = undefined
  }

  async #running(): Promise<ChildProcessWithoutNullStreams | undefined> {
    if (this.#child === undefined && !this.#isUnusable) await this.#open()
    return this.#child
  }

  async #open(): Promise<void> {
    this.#historyLength = 0
    try {
      const child = await this.#start(INTERACTIVE)
      child.stdin.on('error', () => {})
      child.once('exit', () => {
        if (this.#child === child) this.#child = undefined
      })
      this.#isUnusable = (await this.#carryOut(child, '')) !== ''
      if (this.#isUnusable) child.kill()
      else this.#child = child
    } catch {
      this.#isUnusable = true
    }
  }

  /**
   * @returns what nft wrote: nothing when it took the line
   * @throws {CommandError} when it is not known whether it did
   */
  #carryOut(child: ChildProcessWithoutNullStreams, line: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    let output = ''
    const lost = (reason: string): void => {
      if (this.#child === child) this.#child = undefined
      child.kill('SIGKILL')
      reject(new CommandError(['nft', '-i'], { reason }))
    }
    const onData = (chunk: Buffer): void => {
      output += chunk
      const answer = BARRIER_ANSWER.exec(output)
      if (answer !== null) resolve(output.slice(0, answer.index))
    }
    const onEnd = (): void => lost(`ended: ${output}`)
    const timer = setTimeout(() => lost(`gave no answer for ${TIMEOUT_MS} ms`), TIMEOUT_MS)
    child.stdout.on('data', onData)
    child.stdout.once('end', onEnd)
    child.stdin.write(`${line}\n${BARRIER}\n`)
    return promise.finally(() => {
      clearTimeout(timer)
      child.stdout.off('data', onData)
      child.stdout.off('end', onEnd)
    })
  }
}

/** A line is one transaction. @returns `undefined` for a script that is too long for one, or has blocks */
function oneLineOf(script: string): string | undefined {
  if (script.length > MAX_SCRIPT_LENGTH || script.includes('{\n')) return undefined
  return script.trimEnd().replaceAll('\n', '; ')
}
