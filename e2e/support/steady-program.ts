import { setTimeout as delay } from 'node:timers/promises'
import type { LabHost, LabProcess } from '@edgeway/testbed'
import { type Program, start } from './program.ts'

const POLL_MS = 20
const DEADLINE_MS = 60_000

/**
 * A client that calls over and over until it gets SIGTERM. It writes `ended N` every so often, N being the calls that have ended
 * so far, and at its end one line of JSON, its report.
 */
export class SteadyProgram<Report> implements AsyncDisposable {
  readonly #process: LabProcess

  private constructor(started: LabProcess) {
    this.#process = started
  }

  static start<Report>(host: LabHost, program: Program): SteadyProgram<Report> {
    return new SteadyProgram(start(host, program))
  }

  /**
   * Resolves when so many more calls have ended.
   *
   * @throws {Error} when they have not within a minute
   */
  async whenMore(count: number): Promise<void> {
    const wanted = (await this.#ended()) + count
    const deadline = Date.now() + DEADLINE_MS
    while ((await this.#ended()) < wanted) {
      if (Date.now() > deadline) throw new Error(`no ${count} calls more: ${await this.#process.output()}`)
      await delay(POLL_MS)
    }
  }

  /** Ends the calls and tells what became of them. */
  async stop(): Promise<Report> {
    this.#process.kill('SIGTERM')
    const [line] = await this.#process.waitForOutput(/^\{"answers".*\}$/m)
    return JSON.parse(line)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }

  async #ended(): Promise<number> {
    const [, last = '0'] = [...(await this.#process.output()).matchAll(/^ended (\d+)$/gm)].at(-1) ?? []
    return Number(last)
  }
}
