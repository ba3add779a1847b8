import type { Socket } from 'node:net'
import type { Dialer } from '@edgeway/core'
import { type DialLimits, type DialOutcome, dialFirst } from './dial/dial-first.ts'
import type { EndpointPicker } from './endpoint-picker.ts'
import type { FlowJournal, FlowOutcome, FlowRecord } from './flow-journal.ts'
import type { CalledPort } from './listen/interceptor.ts'
import type { TrafficMetrics } from './metrics.ts'
import type { OpenFlow, OpenFlows } from './open-flows.ts'
import { resetSocket } from './reset-socket.ts'
import { splice } from './splice.ts'

export interface OutboundFlowsDeps {
  readonly picker: EndpointPicker
  readonly dialer: Dialer
  readonly journal: FlowJournal
  readonly metrics: TrafficMetrics
  readonly open: OpenFlows
}

/** Carries connections of this node's clients to an endpoint of the ServicePort they called. */
export class OutboundFlows {
  readonly #limits: DialLimits
  readonly #deps: OutboundFlowsDeps

  constructor(limits: DialLimits, deps: OutboundFlowsDeps) {
    this.#limits = limits
    this.#deps = deps
  }

  /** Takes over an accepted client, from which nothing was read yet; returns at once. */
  accept(client: Socket, called: CalledPort | undefined): void {
    const flow = new OutboundFlow(client, called, { ...this.#deps, limits: this.#limits })
    this.#deps.open.add(flow)
  }
}

/** One connection of a client, from its accept to its end. */
class OutboundFlow implements OpenFlow {
  readonly ended: Promise<void>
  readonly #client: Socket
  readonly #deps: OutboundFlowsDeps & { readonly limits: DialLimits }
  readonly #startedAt = performance.now()
  #isCut = false
  #onCut = (): void => {}

  constructor(
    client: Socket,
    called: CalledPort | undefined,
    deps: OutboundFlowsDeps & { readonly limits: DialLimits },
  ) {
    this.#client = client
    this.#deps = deps
    // Asked for now: a socket that was reset no longer knows.
    const known = {
      direction: 'outbound',
      client: clientOf(client),
      service: called?.servicePort.name,
    } as const
    deps.journal.begin('outbound')
    this.ended = this.#carry(called).then((end) =>
      deps.journal.end({ ...known, ...end, durationMs: this.#elapsedMs() }),
    )
  }

  cut(): void {
    this.#isCut = true
    this.#onCut()
  }

  async #carry(called: CalledPort | undefined): Promise<FlowEnding> {
    if (called === undefined) {
      resetSocket(this.#client)
      return { outcome: 'not-redirected' }
    }
    const dialled = await this.#dial(called)
    if (dialled.status === 'connected') return this.#join(dialled)
    resetSocket(this.#client)
    if (dialled.status === 'failed') return { outcome: 'dial-failed', error: dialled.error }
    if (dialled.status === 'no-endpoint') return { outcome: 'no-endpoint' }
    return { outcome: this.#isCut ? 'cut' : 'client-gone' }
  }

  /** Dials for as long as the client is there. */
  async #dial({ servicePort: { name }, scope }: CalledPort): Promise<DialOutcome> {
    const { picker, dialer, limits, metrics } = this.#deps
    const unwanted = new AbortController()
    const abandon = (): void => unwanted.abort()
    this.#client.on('close', abandon)
    this.#onCut = abandon
    const request = { endpoints: picker.order(name, scope), service: name, signal: unwanted.signal }
    const onFailure = (reason: string): void => metrics.dialFailures.add({ reason })
    const dialled = await dialFirst(request, limits, { dialer, onFailure })
    this.#client.off('close', abandon)
    return dialled
  }

  async #join({ connection, endpoint }: Extract<DialOutcome, { status: 'connected' }>): Promise<FlowEnding> {
    const connectMs = this.#elapsedMs()
    const client = this.#client
    const joined = splice({ stream: client, reset: () => resetSocket(client) }, connection)
    this.#onCut = () => joined.cut()
    const outcome: FlowOutcome = await joined.ended
    const { bytesSent, bytesReceived } = joined
    return { outcome, endpoint, path: connection.path, bytesSent, bytesReceived, connectMs }
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAt
  }
}

type FlowEnding = Omit<FlowRecord, 'direction' | 'client' | 'service' | 'durationMs'>

function clientOf({ remoteAddress = 'unknown', remotePort = 0 }: Socket): string {
  return `${remoteAddress}:${remotePort}`
}
