import { fileURLToPath } from 'node:url'
import type { LabHost, LabProcess } from '@edgeway/testbed'
import type { QueriesReport } from './queries-report.ts'

const PROGRAM = fileURLToPath(new URL('steady-queries.ts', import.meta.url))

/** Asks a DNS server for names over and over from a host. */
export class Asker implements AsyncDisposable {
  readonly #process: LabProcess

  private constructor(started: LabProcess) {
    this.#process = started
  }

  /** Resolves when it asks. */
  static async start(host: LabHost, server: string, names: readonly string[]): Promise<Asker> {
    const started = host.spawn([process.execPath, PROGRAM, server, ...names])
    await started.waitForOutput(/^asking$/m)
    return new Asker(started)
  }

  /** Resolves once a name was answered so, by addresses or the code of an error. */
  async answered(name: string, answer: string): Promise<void> {
    await this.#process.waitForOutput(new RegExp(`^${RegExp.escape(`${name}: ${answer}`)}$`, 'm'))
  }

  /** Ends the queries and tells what was answered. */
  async stop(): Promise<QueriesReport> {
    this.#process.kill('SIGTERM')
    const [line] = await this.#process.waitForOutput(/^\{.*\}$/m)
    return JSON.parse(line)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }
}
