import type { Socket } from 'node:net'
import { type ConnectionPool, NO_CONNECTION_POOL, type Service, type ServiceDirectory } from '@edgeway/core'
import { MannersSeen } from '../first-bytes/manners.ts'
import type { CalledPort } from '../listen/interceptor.ts'
import type { OpenFlow, OpenFlows } from '../open-flows.ts'
import type { Wires } from '../wire/wires.ts'
import { type AcceptedClient, acceptedClient, type Caller } from './accepted-client.ts'
import { Dialling } from './dialling.ts'
import { EarlyDial, type EarlyDialEvents } from './early-dial.ts'
import { EarlyTurns } from './early-turns.ts'
import { HelloFlow } from './hello-flow.ts'
import type { HttpForwarder } from './http-forwarder.ts'
import { OpenConnections } from './open-connections.ts'
import {
  type FlowStart,
  OutboundFlow,
  type OutboundFlowDeps,
  type OutboundFlowOptions,
} from './outbound-flow.ts'
import { PortTreatments } from './port-treatments.ts'
import { relayLimits } from './relay-limits.ts'
import { SniffedFlow, type SniffedFlowDeps } from './sniffed-flow.ts'

export interface OutboundFlowsDeps extends OutboundFlowDeps {
  readonly services: Pick<ServiceDirectory, 'serviceOf' | 'endpoints'>
  readonly open: OpenFlows
  /** `undefined`: every connection is carried as it is. */
  readonly http: HttpForwarder | undefined
  /** To read below their streams what may be HTTP; `undefined`: by streams only. */
  readonly wires: Pick<Wires, 'handleWire'> | undefined
  /** Milliseconds of a clock that never goes back; `performance.now` unless given. */
  readonly now?: () => number
}

const AT_ONCE: FlowStart = {}

/** Takes connections of this node's clients to an endpoint of the ServicePort they called, or to who serves their requests. */
export class OutboundFlows {
  readonly #options: OutboundFlowOptions
  readonly #deps: OutboundFlowsDeps
  readonly #treatments: PortTreatments
  readonly #manners: MannersSeen
  readonly #connections = new OpenConnections()
  /** For all connections that may speak HTTP; `undefined`: none may. */
  readonly #sniffing: SniffedFlowDeps | undefined

  constructor(options: OutboundFlowOptions, deps: OutboundFlowsDeps) {
    // No more than these: they are copied for each connection.
    const { dialTimeoutMs, dialBudgetMs, idleTimeoutMs } = options
    this.#options = { dialTimeoutMs, dialBudgetMs, idleTimeoutMs }
    this.#deps = deps
    this.#treatments = new PortTreatments(deps.services)
    this.#manners = new MannersSeen(deps.now ?? (() => performance.now()))
    const { http } = deps
    this.#sniffing = http && this.#sniffingTo(http)
  }

  /** Takes over an accepted client, from which nothing was read yet; returns at once. */
  accept(client: Socket, called: CalledPort | undefined): void {
    const service = called && this.#deps.services.serviceOf(called.servicePort.name)
    const accepted = acceptedClient(client, { called, service })
    this.#deps.open.add(this.#flowOf(accepted))
  }

  #flowOf(accepted: AcceptedClient): OpenFlow {
    if (!isCaller(accepted)) return this.#carry(accepted, AT_ONCE)
    const { called, service } = accepted
    const { treatment, declaresHttp } = this.#treatments.of(called.servicePort, service)
    if (treatment === 'tls') return this.#awaitHello(accepted)
    if (treatment === 'l4' || this.#sniffing === undefined) return this.#carry(accepted, AT_ONCE)
    if (this.#manners.of(service, called.servicePort.name) === 'server-first')
      return this.#carry(accepted, AT_ONCE)
    return this.#sniff(accepted, this.#sniffing, declaresHttp)
  }

  /** Carries the connection as it is. One whose endpoint was dialled before has been counted then. */
  #carry(accepted: AcceptedClient, start: FlowStart): OpenFlow {
    const name = accepted.called?.servicePort.name
    const pool = poolOf(accepted.service)
    const isCounted = start.dialling !== undefined
    const isOverLimit = name !== undefined && !isCounted && this.#connections.isFull(name, pool)
    const flow = new OutboundFlow(accepted, { ...this.#options, pool, isOverLimit, start }, this.#deps)
    if (name === undefined) return flow
    if (!isCounted) this.#connections.opened(name)
    void flow.ended.then(() => this.#connections.closed(name))
    return flow
  }

  readonly #carryOn = (caller: Caller, start: FlowStart): OpenFlow => this.#carry(caller, start)

  #awaitHello(caller: Caller): OpenFlow {
    const { journal } = this.#deps
    return new HelloFlow(caller, this.#limitsOf(caller), { journal, carry: this.#carryOn })
  }

  #sniffingTo(http: HttpForwarder): SniffedFlowDeps {
    const { journal, wires } = this.#deps
    const manners = this.#manners
    const turns = new EarlyTurns()
    return { journal, manners, http, wires, carry: this.#carryOn, dialEarly: this.#dialEarly, turns }
  }

  #sniff(caller: Caller, sniffing: SniffedFlowDeps, declaresHttp: boolean): OpenFlow {
    const { idleTimeoutMs, maxDurationMs } = this.#limitsOf(caller)
    return new SniffedFlow(caller, { idleTimeoutMs, maxDurationMs, declaresHttp }, sniffing)
  }

  readonly #dialEarly = (caller: Caller, events: EarlyDialEvents): EarlyDial | undefined => {
    const { called, service } = caller
    const { name } = called.servicePort
    const pool = poolOf(service)
    if (this.#connections.isFull(name, pool)) return undefined
    this.#connections.opened(name)
    const request = { accepted: caller, called, pool, key: undefined }
    const dialling = new Dialling(request, this.#options, this.#deps)
    const onReleased = (): void => this.#connections.closed(name)
    return new EarlyDial(name, dialling, { feedback: this.#deps.feedback, events, onReleased })
  }

  #limitsOf({ service }: Caller): ReturnType<typeof relayLimits> {
    return relayLimits({ pool: poolOf(service), idleTimeoutMs: this.#options.idleTimeoutMs })
  }
}

function isCaller(accepted: AcceptedClient): accepted is Caller {
  return accepted.called !== undefined && accepted.service !== undefined
}

function poolOf(service: Service | undefined): ConnectionPool {
  return service?.destinationPolicy?.connectionPool ?? NO_CONNECTION_POOL
}
