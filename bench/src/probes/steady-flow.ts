import { fileURLToPath } from 'node:url'
import type { LabHost, LabProcess } from '@edgeway/testbed'

const CLIENT = fileURLToPath(new URL('./steady-flow-client.ts', import.meta.url))

/** What became of an open connection. */
export interface FlowReport {
  /** It ended without the client's doing. */
  readonly isLost: boolean
  /** Sent and not back yet. */
  readonly missingBytes: number
  /** Between two answers, the last gap included. */
  readonly longestGapMs: number
}

/** One connection to an echo server that carries a byte there and back 20 times a second. */
export class SteadyFlow implements AsyncDisposable {
  readonly #process: LabProcess

  private constructor(started: LabProcess) {
    this.#process = started
  }

  /** Resolves when the first byte was back. */
  static async open(client: LabHost, { ip, port }: { readonly ip: string; readonly port: number }) {
    const started = client.spawn([process.execPath, CLIENT, ip, String(port)])
    await started.waitForOutput(/open/)
    return new SteadyFlow(started)
  }

  /** Ends it. */
  async close(): Promise<FlowReport> {
    this.#process.kill()
    const [line] = await this.#process.waitForOutput(/\{.*\}/)
    return JSON.parse(line) as FlowReport
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }
}
