import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabError } from './errors.ts'
import type { Environment } from './run-command.ts'

export interface LabProcessOptions {
  /** Standard output and error go there, together; an existing file is added to. */
  readonly logFile: string
  readonly env?: Environment
  readonly cwd?: string
}

/** How a process ended: `code` is null exactly when a signal ended it. */
export interface ProcessExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const POLL_MS = 10
const GRACE_MS = 2_000

/**
 * A process that runs in the background, in a process group of its own, with its output in a file: it goes on when
 * its creator ends, unless it is disposed before.
 */
export class LabProcess implements AsyncDisposable {
  readonly pid: number
  readonly logFile: string
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<ProcessExit>
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, pid: number, logFile: string) {
    this.#child = child
    this.pid = pid
    this.logFile = logFile
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  }

  /** @throws {LabError} when the command's file can't be started */
  static spawn(command: readonly string[], { logFile, env, cwd }: LabProcessOptions): LabProcess {
    const [file = '', ...args] = command
    mkdirSync(dirname(logFile), { recursive: true })
    const log = openSync(logFile, 'a')
    try {
      const child = spawn(file, args, {
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...process.env, ...env },
        ...(cwd === undefined ? {} : { cwd }),
      })
      // Told by the missing pid just below.
      child.on('error', () => {})
      if (child.pid === undefined) throw new LabError(`can't start "${command.join(' ')}"`)
      return new LabProcess(child, child.pid, logFile)
    } finally {
      closeSync(log)
    }
  }

  /** True until the process has ended. */
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Signals the process alone, not what it started. Does nothing when it has ended. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal)
  }

  /** What it wrote so far, standard output and error together. */
  output(): Promise<string> {
    return readFile(this.logFile, 'utf8')
  }

  /**
   * Waits until the output matches.
   *
   * @throws {LabError} with the output so far when the process ends or `timeoutMs` pass before
   */
  async waitForOutput(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      const { running } = this
      const output = await this.output()
      const match = pattern.exec(output)
      if (match !== null) return match
      if (!running) throw new LabError(`process ${this.pid} ended without writing ${pattern}: ${output}`)
      if (Date.now() > deadline) throw new LabError(`process ${this.pid} did not write ${pattern}: ${output}`)
      await delay(POLL_MS)
    }
  }

  /** Lets this process end while that one goes on. */
  unref(): void {
    this.#child.unref()
  }

  /**
   * Asks the process and what it started to end, and kills what is left of them after two seconds. Does nothing when
   * the process has ended before: its id may be another group's by now.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.running) return
    const deadline = Date.now() + GRACE_MS
    this.#signalGroup('SIGTERM')
    while (Date.now() < deadline && this.#signalGroup(0)) await delay(POLL_MS)
    this.#signalGroup('SIGKILL')
    await this.exited
  }

  /** @returns false when nothing of the group is left; signal 0 only looks, see kill(2) */
  #signalGroup(signal: NodeJS.Signals | 0): boolean {
    try {
      return process.kill(-this.pid, signal)
    } catch {
      // All have ended.
      return false
    }
  }
}
