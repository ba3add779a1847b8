import { Worker } from 'node:worker_threads'
import type { Pipe, SpliceCalls } from './splice-calls.ts'
import {
  COMMAND_BYTES,
  COMMANDS,
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

/** Room for a command per flow, where the kernel grants that. */
const COMMAND_PIPE_BYTES = MAX_FLOWS * COMMAND_BYTES
const FLOAT64_BYTES = 8
const INT32_BYTES = 4

/** One running splice worker: its thread, its command pipe and the memory it shares. */
export class SpliceThread {
  readonly counters = new Float64Array(new SharedArrayBuffer(2 * MAX_FLOWS * FLOAT64_BYTES))
  readonly states = new Int32Array(new SharedArrayBuffer(MAX_FLOWS * INT32_BYTES))
  readonly #wishes = new Int32Array(new SharedArrayBuffer((MAX_FLOWS + 1) * INT32_BYTES))
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
      wishes: this.#wishes.buffer,
    }
    let cause: Error | undefined
    this.#worker = new Worker(new URL('./splice-worker.ts', import.meta.url), { workerData })
    // Not events.once: that rejects when an error comes first.
    this.#exited = new Promise((resolve) => this.#worker.once('exit', resolve))
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

  /** @returns false when the command pipe is full: the flow stays where it is */
  carry(slot: number, fds: readonly [number, number]): boolean {
    Atomics.store(this.#wishes, slot, 0)
    return this.#send(COMMANDS.carry, slot, fds)
  }

  cut(slot: number): void {
    this.#wish(slot)
  }

  /** A full pipe wakes the worker as well. */
  #wish(index: number): void {
    Atomics.store(this.#wishes, index, 1)
    this.#send(COMMANDS.wake, 0, [0, 0])
  }

  #send(command: number, slot: number, fds: readonly [number, number]): boolean {
    this.#command.writeInt32LE(command, 0)
    this.#command.writeInt32LE(slot, 4)
    this.#command.writeInt32LE(fds[0], 8)
    this.#command.writeInt32LE(fds[1], 12)
    return this.#calls.write(this.#pipe.writeFd, this.#command) === COMMAND_BYTES
  }

  /** Which of a flow's descriptors are still open in a worker that has died. */
  left(slot: number, [client, endpoint]: readonly [number, number]): readonly number[] {
    const state = Atomics.load(this.states, slot)
    if (state === SLOT_STATES.carried) return [client, endpoint]
    return state === SLOT_STATES.lingering ? [client] : []
  }

  /** Resets what it carries; resolves once the thread is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#wish(MAX_FLOWS)
    await this.#exited
  }

  /** Ends the thread as a crash would, without a word to anybody; for tests of what happens then. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
  }
}
