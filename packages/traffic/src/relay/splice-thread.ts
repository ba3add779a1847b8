import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Pipe, SpliceCalls } from './splice-calls.ts'
import {
  COMMAND_BYTES,
  MAX_FLOWS,
  SLOT_STATES,
  type SpliceMessage,
  type SpliceWorkerData,
} from './splice-protocol.ts'

export interface SpliceThreadDeps {
  readonly calls: SpliceCalls
  onMessage(message: SpliceMessage): void
  /** It has ended without being told to; called once, after its last message. */
  onDeath(error: Error): void
}

/** One command is waiting in the pipe for each flow at most, beside its cut. */
const COMMAND_PIPE_BYTES = 2 * MAX_FLOWS * COMMAND_BYTES
const FLOAT64_BYTES = 8
const INT32_BYTES = 4

/** One running splice worker: its thread, its command pipe and the memory it shares. */
export class SpliceThread {
  readonly counters = new Float64Array(new SharedArrayBuffer(2 * MAX_FLOWS * FLOAT64_BYTES))
  readonly states = new Int32Array(new SharedArrayBuffer(MAX_FLOWS * INT32_BYTES))
  isReady = false
  readonly #calls: SpliceCalls
  readonly #pipe: Pipe
  readonly #worker: Worker
  readonly #exited: Promise<unknown>
  readonly #command = Buffer.alloc(COMMAND_BYTES)
  #isStopping = false

  /** @throws {Error} without descriptors left */
  constructor({ calls, onMessage, onDeath }: SpliceThreadDeps) {
    const pipe = calls.pipe(COMMAND_PIPE_BYTES)
    if (pipe === undefined) throw new Error('no descriptors left for the splice worker')
    this.#calls = calls
    this.#pipe = pipe
    const workerData: SpliceWorkerData = {
      commandFd: pipe.readFd,
      counters: this.counters.buffer,
      states: this.states.buffer,
    }
    let cause: Error | undefined
    this.#worker = new Worker(new URL('./splice-worker.ts', import.meta.url), { workerData })
    this.#exited = once(this.#worker, 'exit')
    this.#worker.on('message', (message: SpliceMessage) => {
      if (message.kind === 'ready') this.isReady = true
      onMessage(message)
    })
    this.#worker.on('error', (error: Error) => {
      cause = error
    })
    this.#worker.on('exit', () => {
      this.isReady = false
      calls.close(pipe.writeFd)
      if (!this.#isStopping) onDeath(cause ?? new Error('the splice worker has exited'))
    })
  }

  /** @returns false when the command pipe is full */
  send(command: number, slot = 0, fds: readonly [number, number] = [0, 0]): boolean {
    this.#command.writeInt32LE(command, 0)
    this.#command.writeInt32LE(slot, 4)
    this.#command.writeInt32LE(fds[0], 8)
    this.#command.writeInt32LE(fds[1], 12)
    return this.#calls.write(this.#pipe.writeFd, this.#command) === COMMAND_BYTES
  }

  /** True while the worker hasn't begun to close the flow's descriptors. */
  owns(slot: number): boolean {
    return Atomics.load(this.states, slot) === SLOT_STATES.carried
  }

  /** Resets what it carries; resolves once the thread is gone. */
  async stop(stopCommand: number): Promise<void> {
    this.#isStopping = true
    this.send(stopCommand)
    await this.#exited
  }

  /** Ends the thread as a crash would, without a word to anybody; for tests of what happens then. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
  }
}
