import { fileURLToPath } from 'node:url'
import type { LabHost, LabProcess } from '@edgeway/testbed'

const PROGRAM = fileURLToPath(new URL('steady-calls.ts', import.meta.url))

/** What became of the calls of a Caller. */
export interface CallerReport {
  readonly answered: number
  readonly failed: number
  readonly longestGapMs: number
}

/** Calls an `http-echo` pod over and over from a host, each time on a connection of its own. */
export class Caller implements AsyncDisposable {
  readonly #process: LabProcess

  private constructor(started: LabProcess) {
    this.#process = started
  }

  /** Resolves when the first call was answered. */
  static async start(
    host: LabHost,
    { ip, port }: { readonly ip: string; readonly port: number },
  ): Promise<Caller> {
    const started = host.spawn([process.execPath, PROGRAM, ip, String(port)])
    await started.waitForOutput(/answered/)
    return new Caller(started)
  }

  /** Ends the calls and tells what became of them. */
  async stop(): Promise<CallerReport> {
    // To the one that calls: what was started is `ip netns exec`, which has become it.
    this.#process.kill('SIGTERM')
    const [line] = await this.#process.waitForOutput(/\{.*\}/)
    return JSON.parse(line)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }
}
