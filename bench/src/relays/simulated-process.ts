import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LabHost, SimulatedOrder, SimulatedReport, SimulatedRequest } from '@edgeway/testbed'

const MAIN = fileURLToPath(new URL('../../../packages/tunnel/test/simulated/main.ts', import.meta.url))
/** A small young generation, as agents have it: many of them share what memory there is. */
const NODE_FLAGS = ['--max-semi-space-size=16', '--disable-warning=ExperimentalWarning']

/** Simulated agents in one process on a host of the lab. */
export class SimulatedProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>

  constructor(host: LabHost, order: SimulatedOrder) {
    const inside = ['ip', 'netns', 'exec', host.namespace.name, process.execPath, ...NODE_FLAGS]
    const [execPath = '', ...execArgv] = inside
    this.#child = fork(MAIN, [JSON.stringify(order)], { execPath, execArgv })
    this.#ended = once(this.#child, 'exit').then(() => {
      throw new Error('a process of simulated agents ended by itself')
    })
    // Told by whoever asks next.
    this.#ended.catch(() => {})
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  start(count: number): void {
    this.#send({ type: 'start', count })
  }

  /** @throws {Error} when the process is no more */
  async report(): Promise<SimulatedReport> {
    const answer = once(this.#child, 'message')
    this.#send({ type: 'report' })
    const [message] = await Promise.race([answer, this.#ended])
    return message as SimulatedReport
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended.catch(() => {})
  }

  #send(request: SimulatedRequest): void {
    this.#child.send(request)
  }
}
