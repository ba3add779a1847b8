import type { Socket } from 'node:net'
import { NO_CONNECTION_POOL, type ServiceDirectory, type ServicePortName } from '@edgeway/core'
import type { CalledPort } from '../listen/interceptor.ts'
import type { OpenFlows } from '../open-flows.ts'
import { OutboundFlow, type OutboundFlowDeps, type OutboundFlowOptions } from './outbound-flow.ts'

export interface OutboundFlowsDeps extends OutboundFlowDeps {
  readonly services: Pick<ServiceDirectory, 'serviceOf'>
  readonly open: OpenFlows
}

/** Carries connections of this node's clients to an endpoint of the ServicePort they called. */
export class OutboundFlows {
  readonly #options: OutboundFlowOptions
  readonly #deps: OutboundFlowsDeps
  /** Only of ServicePorts that have some. */
  readonly #openFlows = new Map<ServicePortName, number>()

  constructor(options: OutboundFlowOptions, deps: OutboundFlowsDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Takes over an accepted client, from which nothing was read yet; returns at once. */
  accept(client: Socket, called: CalledPort | undefined): void {
    const name = called?.servicePort.name
    const service = name && this.#deps.services.serviceOf(name)
    const pool = service?.destinationPolicy?.connectionPool ?? NO_CONNECTION_POOL
    const isOverLimit =
      pool.maxConnections !== undefined && name !== undefined && this.#openOf(name) >= pool.maxConnections
    const terms = { ...this.#options, pool, isOverLimit }
    const flow = new OutboundFlow({ client, called, service }, terms, this.#deps)
    this.#deps.open.add(flow)
    if (name === undefined) return
    this.#openFlows.set(name, this.#openOf(name) + 1)
    void flow.ended.then(() => this.#closed(name))
  }

  #openOf(name: ServicePortName): number {
    return this.#openFlows.get(name) ?? 0
  }

  #closed(name: ServicePortName): void {
    const left = this.#openOf(name) - 1
    if (left === 0) this.#openFlows.delete(name)
    else this.#openFlows.set(name, left)
  }
}
