import { setTimeout as delay } from 'node:timers/promises'
import type { LabHost, LabProcess } from '@edgeway/testbed'
import type { CallsReport } from './calls-report.ts'
import { runClient, start } from './program.ts'

const PROGRAM = new URL('many-calls.ts', import.meta.url)
const PORT = 80
const POLL_MS = 20
const DEADLINE_MS = 60_000
/** Ten thousand calls take a while on a loaded machine. */
const TIMEOUT_MS = 110_000

export interface LoadOptions {
  /** The Service's name or address; its port is 80. */
  readonly service: string
  readonly atOnce: number
}

/** So many calls from a host, each on a connection of its own. */
export function callMany(
  host: LabHost,
  { service, atOnce, count }: LoadOptions & { readonly count: number },
): Promise<CallsReport> {
  return runClient(host, { file: PROGRAM, args: [service, PORT, atOnce, count] }, TIMEOUT_MS)
}

/** Calls over and over, until it is stopped. */
export class Load implements AsyncDisposable {
  readonly #process: LabProcess

  private constructor(started: LabProcess) {
    this.#process = started
  }

  static start(host: LabHost, { service, atOnce }: LoadOptions): Load {
    return new Load(start(host, { file: PROGRAM, args: [service, PORT, atOnce] }))
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
  async stop(): Promise<CallsReport> {
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
