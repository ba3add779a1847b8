import type { Libc } from '../kernel/libc.ts'
import { Epoll, type Readiness } from './epoll.ts'
import { EAGAIN, type SpliceCalls, spliceCalls } from './splice-calls.ts'
import { SpliceFlow, type SpliceSide } from './splice-flow.ts'
import {
  COMMAND_BYTES,
  COMMANDS,
  MAX_FLOWS,
  SLOT_STATES,
  type SpliceMessage,
  type SpliceWorkerData,
} from './splice-protocol.ts'
import { Pipes } from './splice-way.ts'

export interface SpliceLoopDeps extends SpliceWorkerData {
  tell(message: SpliceMessage): void
}

/**
 * A thread that waits in the kernel can't be stopped by Node, not even by `process.exit`: it comes back this often.
 */
const MAX_WAIT_MS = 250
/** No flow: the key of the command pipe. */
const COMMAND_KEY = 0xffffffff
const COMMANDS_AT_ONCE = 64

/** All flows of the splice worker. Blocks its thread. */
export class SpliceLoop {
  readonly #calls: SpliceCalls
  readonly #epoll: Epoll
  readonly #pipes: Pipes
  readonly #deps: SpliceLoopDeps
  readonly #counters: Float64Array
  readonly #states: Int32Array
  readonly #wishes: Int32Array
  readonly #commands = Buffer.alloc(COMMAND_BYTES * COMMANDS_AT_ONCE)
  readonly #flows = new Map<number, { readonly flow: SpliceFlow; readonly generation: number }>()
  /** Flows with more to do at once. */
  readonly #unfinished = new Set<SpliceFlow>()
  readonly #lingering = new Set<SpliceFlow>()
  /** Flows that found no pipe: nobody tells when there is one. */
  readonly #starved = new Set<SpliceFlow>()
  #generation = 0
  #isStopped = false

  constructor(libc: Libc, deps: SpliceLoopDeps) {
    this.#calls = spliceCalls(libc)
    this.#epoll = new Epoll(libc)
    this.#pipes = new Pipes(this.#calls)
    this.#deps = deps
    this.#counters = new Float64Array(deps.counters)
    this.#states = new Int32Array(deps.states)
    this.#wishes = new Int32Array(deps.wishes)
    this.#epoll.addLevel(deps.commandFd, COMMAND_KEY)
  }

  run(): void {
    this.#deps.tell({ kind: 'ready' })
    while (!this.#isStopped) {
      this.#epoll.wait(this.#timeoutMs(), (readiness) => this.#onReady(readiness))
      for (const flow of [...this.#unfinished, ...this.#starved]) this.#pump(flow)
      if (this.#lingering.size > 0) this.#endLingering()
    }
  }

  /** Resets what is left. */
  close(): void {
    for (const { flow } of [...this.#flows.values()]) {
      flow.cut()
      this.#settle(flow)
    }
    this.#pipes.close()
    this.#epoll.close()
    this.#calls.close(this.#deps.commandFd)
  }

  #timeoutMs(): number {
    if (this.#unfinished.size > 0) return 0
    return this.#lingering.size + this.#starved.size > 0 ? MAX_WAIT_MS / 5 : MAX_WAIT_MS
  }

  #onReady({ key, generation, failed }: Readiness): void {
    if (key === COMMAND_KEY) {
      this.#readCommands()
      return
    }
    const found = this.#flows.get(key >> 1)
    // Of a flow that has ended within this very turn.
    if (found?.generation !== generation) return
    this.#pump(found.flow)
    if (!failed || found.flow.over !== undefined) return
    const side: SpliceSide = (key & 1) === 0 ? 'client' : 'endpoint'
    found.flow.broken(side)
    this.#settle(found.flow)
  }

  #pump(flow: SpliceFlow): void {
    const state = flow.pump()
    if (state === 'unfinished') this.#unfinished.add(flow)
    else this.#unfinished.delete(flow)
    if (state === 'starved') this.#starved.add(flow)
    else this.#starved.delete(flow)
    this.#settle(flow)
  }

  /** Publishes what the flow has come to, and ends it if it is over. */
  #settle(flow: SpliceFlow): void {
    const { slot } = flow.parts
    this.#counters[2 * slot] = flow.sent.bytes
    this.#counters[2 * slot + 1] = flow.received.bytes
    if (flow.over !== undefined) this.#end(flow)
    else if (flow.lingersUntil !== undefined) this.#lingering.add(flow)
  }

  #end(flow: SpliceFlow): void {
    const { slot, client, endpoint } = flow.parts
    if (!this.#flows.delete(slot)) return
    this.#unfinished.delete(flow)
    this.#lingering.delete(flow)
    this.#starved.delete(flow)
    Atomics.store(this.#states, slot, SLOT_STATES.closing)
    this.#close(client, flow)
    if (!flow.isEndpointClosed) this.#close(endpoint, flow)
    const outcome = flow.over?.outcome ?? 'cut'
    this.#deps.tell({
      kind: 'ended',
      slot,
      outcome,
      sent: flow.sent.bytes,
      received: flow.received.bytes,
    })
  }

  #close(fd: number, { over }: SpliceFlow): void {
    this.#epoll.remove(fd)
    if (over?.reset === true) this.#calls.reset(fd)
    else this.#calls.close(fd)
  }

  #endLingering(): void {
    const now = performance.now()
    for (const flow of [...this.#lingering]) {
      if (flow.lingersUntil === undefined || flow.lingersUntil > now) continue
      flow.stopLingering()
      this.#settle(flow)
    }
  }

  #readCommands(): void {
    const count = this.#calls.read(this.#deps.commandFd, this.#commands)
    if (count === EAGAIN) return
    // The agent has closed its end, or the pipe is broken.
    if (count <= 0) this.#isStopped = true
    for (let at = 0; at < count; at += COMMAND_BYTES) this.#obey(at)
    this.#grantWishes()
  }

  #obey(at: number): void {
    const slot = this.#commands.readInt32LE(at + 4)
    if (this.#commands.readInt32LE(at) !== COMMANDS.carry) return
    this.#carry({
      slot,
      client: this.#commands.readInt32LE(at + 8),
      endpoint: this.#commands.readInt32LE(at + 12),
    })
  }

  #grantWishes(): void {
    if (Atomics.load(this.#wishes, MAX_FLOWS) === 1) this.#isStopped = true
    for (const [slot, { flow }] of this.#flows) if (Atomics.load(this.#wishes, slot) === 1) this.#cut(flow)
  }

  #carry(parts: { readonly slot: number; readonly client: number; readonly endpoint: number }): void {
    const deps = {
      calls: this.#calls,
      pipes: this.#pipes,
      now: () => performance.now(),
      onLinger: () => Atomics.store(this.#states, parts.slot, SLOT_STATES.lingering),
    }
    const flow = new SpliceFlow(parts, deps)
    this.#generation = (this.#generation + 1) >>> 0
    const generation = this.#generation
    this.#flows.set(parts.slot, { flow, generation })
    const isAdded =
      this.#epoll.add(parts.client, parts.slot * 2, generation) &&
      this.#epoll.add(parts.endpoint, parts.slot * 2 + 1, generation)
    if (isAdded) this.#pump(flow)
    else this.#cut(flow)
  }

  #cut(flow: SpliceFlow): void {
    flow.cut()
    this.#settle(flow)
  }
}
