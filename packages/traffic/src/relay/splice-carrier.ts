import type { Logger } from '@edgeway/core'
import { descriptorOf } from '../kernel/descriptor.ts'
import type { CarriedFlow, CarriedOutcome, Carrier, QuietFlow } from './promotion.ts'
import type { SpliceCalls } from './splice-calls.ts'
import { MAX_FLOWS, SLOT_STATES, type SpliceMessage } from './splice-protocol.ts'
import { SpliceThread } from './splice-thread.ts'

export interface SpliceCarrierOptions {
  /** The worker ends after so long without a flow, and gives its memory back. */
  readonly idleMs: number
}

const REST_AFTER_DEATH_MS = 60_000
const MAX_DEATHS = 5

export interface SpliceCarrierDeps {
  readonly calls: SpliceCalls
  readonly logger: Logger
}

/**
 * Carries flows in a thread of its own: bytes go from socket to socket through pipes in the kernel. The worker is started
 * when it is first asked for. Should it die, its flows are reset, and for a while no more are taken.
 */
export class SpliceCarrier implements Carrier, AsyncDisposable {
  readonly #options: SpliceCarrierOptions
  readonly #deps: SpliceCarrierDeps
  readonly #flows = new Map<number, SlotFlow>()
  readonly #freeSlots = Array.from({ length: MAX_FLOWS }, (_, i) => MAX_FLOWS - 1 - i)
  #thread: SpliceThread | undefined
  #stopping: Promise<void> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined
  #isDisposed = false
  #deaths = 0
  #restAfterDeath: NodeJS.Timeout | undefined
  #onReady = (): void => {}

  constructor(options: SpliceCarrierOptions, deps: SpliceCarrierDeps) {
    this.#options = options
    this.#deps = deps
  }

  get isReady(): boolean {
    if (this.#thread === undefined && this.#mayStart()) this.#startThread()
    return this.#thread?.isReady === true
  }

  /** Starts the worker; resolves once it takes flows, or can't. */
  async prepare(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onReady = resolve
    if (!this.isReady && this.#thread !== undefined) await promise
    return this.isReady
  }

  carry(flow: QuietFlow): CarriedFlow | undefined {
    const thread = this.#thread
    const slot = thread === undefined ? undefined : this.#freeSlots.pop()
    if (thread === undefined || slot === undefined) return undefined
    const fds = this.#duplicate(flow)
    if (fds === undefined) {
      this.#freeSlots.push(slot)
      return undefined
    }
    thread.counters.fill(0, 2 * slot, 2 * slot + 2)
    Atomics.store(thread.states, slot, SLOT_STATES.carried)
    if (!thread.carry(slot, fds)) {
      for (const fd of fds) this.#deps.calls.close(fd)
      this.#freeSlots.push(slot)
      return undefined
    }
    clearTimeout(this.#idle)
    // The connections live on by their second descriptors: this closes the first ones, and tells nobody.
    flow.client.destroy()
    flow.endpoint.destroy()
    const carried = new SlotFlow(thread, { ...flow, slot, fds })
    this.#flows.set(slot, carried)
    return carried
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    clearTimeout(this.#idle)
    clearTimeout(this.#restAfterDeath)
    this.#stopThread()
    await this.#stopping
    // What the worker reset as it ended was told before it was gone.
    for (const flow of this.#flows.values()) flow.finish('cut')
    this.#flows.clear()
  }

  /** Ends the worker as a crash would; for tests of what happens then. */
  async killWorker(): Promise<void> {
    await this.#thread?.kill()
  }

  #duplicate({ client, endpoint }: QuietFlow): [number, number] | undefined {
    const { calls } = this.#deps
    const [a, b] = [descriptorOf(client), descriptorOf(endpoint)]
    if (a === undefined || b === undefined) return undefined
    const [first, second] = [calls.duplicate(a), calls.duplicate(b)]
    if (first >= 0 && second >= 0) return [first, second]
    for (const fd of [first, second]) if (fd >= 0) calls.close(fd)
    return undefined
  }

  /** What it died of (no descriptors left) may pass; what does not must not be tried for ever. */
  #mayStart(): boolean {
    return !this.#isDisposed && this.#restAfterDeath === undefined && this.#deaths < MAX_DEATHS
  }

  #startThread(): void {
    const { calls } = this.#deps
    try {
      this.#thread = new SpliceThread({
        calls,
        onMessage: (message) => this.#onMessage(message),
        onDeath: (error) => this.#onDeath(error),
      })
    } catch (error) {
      this.#onDeath(error)
    }
  }

  #onMessage(message: SpliceMessage): void {
    if (message.kind === 'ready') {
      this.#onReady()
      this.#rest()
      return
    }
    const { slot, outcome, sent, received } = message
    const flow = this.#flows.get(slot)
    this.#flows.delete(slot)
    this.#freeSlots.push(slot)
    flow?.finish(outcome, { sent, received })
    this.#rest()
  }

  #rest(): void {
    clearTimeout(this.#idle)
    if (this.#flows.size > 0) return
    this.#idle = setTimeout(() => this.#stopThread(), this.#options.idleMs).unref()
  }

  #stopThread(): void {
    const thread = this.#thread
    if (thread === undefined) return
    this.#thread = undefined
    this.#stopping = thread.stop()
  }

  #onDeath(error: unknown): void {
    const { calls, logger } = this.#deps
    clearTimeout(this.#idle)
    this.#deaths++
    this.#restAfterDeath = setTimeout(() => {
      this.#restAfterDeath = undefined
    }, REST_AFTER_DEATH_MS).unref()
    logger.warn('splice worker died, bulk flows stay with the handle relay', {
      error,
      deaths: this.#deaths,
      flows: this.#flows.size,
    })
    const thread = this.#thread
    this.#thread = undefined
    for (const flow of this.#flows.values()) {
      for (const fd of thread?.left(flow.slot, flow.fds) ?? []) calls.reset(fd)
      this.#freeSlots.push(flow.slot)
      flow.finish('cut')
    }
    this.#flows.clear()
    this.#onReady()
  }
}

interface SlotFlowParts extends QuietFlow {
  readonly slot: number
  readonly fds: readonly [number, number]
}

class SlotFlow implements CarriedFlow {
  readonly ended: Promise<CarriedOutcome>
  readonly slot: number
  readonly fds: readonly [number, number]
  readonly #thread: SpliceThread
  readonly #before: { readonly sent: number; readonly received: number }
  readonly #resolve: (outcome: CarriedOutcome) => void
  #final: { readonly sent: number; readonly received: number } | undefined

  constructor(thread: SpliceThread, { slot, fds, bytesSent, bytesReceived }: SlotFlowParts) {
    const { promise, resolve } = Promise.withResolvers<CarriedOutcome>()
    this.ended = promise
    this.#resolve = resolve
    this.slot = slot
    this.fds = fds
    this.#thread = thread
    this.#before = { sent: bytesSent, received: bytesReceived }
  }

  get bytesSent(): number {
    return this.#before.sent + (this.#final?.sent ?? this.#thread.counters[2 * this.slot] ?? 0)
  }

  get bytesReceived(): number {
    return this.#before.received + (this.#final?.received ?? this.#thread.counters[2 * this.slot + 1] ?? 0)
  }

  cut(): void {
    if (this.#final === undefined) this.#thread.cut(this.slot)
  }

  /** @param counted - by the worker; what it published last, if it can't tell any more */
  finish(outcome: CarriedOutcome, counted?: { readonly sent: number; readonly received: number }): void {
    const [sent = 0, received = 0] = this.#thread.counters.subarray(2 * this.slot, 2 * this.slot + 2)
    this.#final ??= counted ?? { sent, received }
    this.#resolve(outcome)
  }
}
