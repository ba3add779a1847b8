import { formatClient } from '../account/client-address.ts'
import type { FlowJournal, FlowOutcome } from '../account/flow-journal.ts'
import { FirstBytes, type FirstBytesEvents } from '../first-bytes/first-bytes.ts'
import { type WiredClient, WireFirstBytes } from '../first-bytes/wire-first-bytes.ts'
import { resetSocket } from '../kernel/reset-socket.ts'
import type { OpenFlow } from '../open-flows.ts'
import { type LimitedFlow, RelayDeadlines } from '../relay/relay-deadlines.ts'
import type { RelayLimits } from '../relay/relay-engine.ts'
import type { Wires } from '../wire/wires.ts'
import type { Caller } from './accepted-client.ts'

export interface AwaitedClientDeps {
  readonly journal: Pick<FlowJournal, 'record'>
  /** Reads the client below its stream, where that can be; `undefined`: by its stream. */
  readonly wires?: Pick<Wires, 'handleWire'> | undefined
  /** Looks at what the client has said so far; goes on by `carryOn` once that is enough. */
  readonly look: FirstBytesEvents['onBytes']
  /** Nothing more will come of it: the client has left, or was cut. */
  readonly onOver: () => void
}

/** A connection of which something has to be known before it is carried on, by what its client says first. */
export class AwaitedClient implements OpenFlow, FirstBytesEvents, LimitedFlow {
  readonly ended: Promise<void>
  /** Silence is what is limited. */
  readonly bytes = 0
  readonly #caller: Caller
  readonly #deps: AwaitedClientDeps
  readonly #resolve: () => void
  readonly #firstBytes: FirstBytes | WireFirstBytes
  readonly #deadlines: RelayDeadlines | undefined
  #next: OpenFlow | undefined
  #isOver = false

  constructor(caller: Caller, limits: RelayLimits, deps: AwaitedClientDeps) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#resolve = resolve
    this.#caller = caller
    this.#deps = deps
    const { client } = caller
    const wired = deps.wires && WireFirstBytes.of(client, this, deps.wires)
    this.#firstBytes = wired ?? new FirstBytes(client, this)
    this.#deadlines = RelayDeadlines.for(limits, this)
  }

  onBytes(bytes: Buffer, hasEnded: boolean): void {
    this.#deps.look(bytes, hasEnded)
  }

  onClosed(): void {
    this.#end('client-gone')
  }

  expire(outcome: Parameters<LimitedFlow['expire']>[0]): void {
    this.#end(outcome)
  }

  /** For who goes on by wire, where the client is read so; then to be carried on at once. */
  handOver(): WiredClient | undefined {
    const isWired = this.#firstBytes instanceof WireFirstBytes && !this.#isOver
    return isWired ? this.#firstBytes.handOver() : undefined
  }

  /** Enough is known: what `next` makes has the connection from here on. Not more than once. */
  carryOn(next: () => OpenFlow): void {
    if (this.#isOver) return
    this.#stop()
    try {
      this.#next = next()
      void this.#next.ended.then(this.#resolve)
    } catch (error) {
      // A defect costs this flow and no other.
      this.#giveUp('dial-failed', error)
    }
  }

  cut(): void {
    if (this.#next === undefined) this.#end('cut')
    else this.#next.cut()
  }

  /** A client that has said nothing is let go; one that is within its first words may still say the rest. */
  drain(): void {
    if (this.#next !== undefined) this.#next.drain?.()
    else if (!this.#firstBytes.hasSome && !this.#isOver) {
      this.#caller.client.destroySoon()
      this.#end('completed')
    }
  }

  #end(outcome: FlowOutcome): void {
    if (this.#isOver) return
    this.#stop()
    this.#deps.onOver()
    this.#giveUp(outcome)
  }

  #stop(): void {
    this.#isOver = true
    this.#firstBytes[Symbol.dispose]()
    this.#deadlines?.[Symbol.dispose]()
  }

  #giveUp(outcome: FlowOutcome, error?: unknown): void {
    const { client, called, source, acceptedAtMs } = this.#caller
    if (outcome !== 'completed') resetSocket(client)
    this.#deps.journal.record({
      direction: 'outbound',
      outcome,
      client: source === undefined ? 'unknown' : formatClient(source),
      service: called.servicePort.name,
      durationMs: performance.now() - acceptedAtMs,
      error,
    })
    this.#resolve()
  }
}
