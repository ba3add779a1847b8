import type { ConnectionPool, Dialer, ServicePortName } from '@edgeway/core'
import type { EndpointsOfCalls } from '../balance/endpoint-picker.ts'
import type { AbandonedDials } from '../dial/abandoned-dials.ts'
import { type DialOutcome, dialFirst } from '../dial/dial-first.ts'
import { prepareConnection } from '../dial/prepare-connection.ts'
import type { DialLimits, DialObserver } from '../dial/try-endpoints.ts'
import type { EndpointFeedback } from '../endpoint-feedback.ts'
import type { CalledPort } from '../listen/interceptor.ts'
import type { AcceptedClient } from './accepted-client.ts'

/** Who wants an endpoint of which ServicePort. */
export interface DiallingRequest {
  readonly accepted: Pick<AcceptedClient, 'source' | 'service'>
  readonly called: CalledPort
  readonly pool: ConnectionPool
  /** What must stay together, for a policy by hash; the client's address, unless given. */
  readonly key: string | undefined
}

export interface DiallingDeps {
  readonly picker: EndpointsOfCalls
  readonly dialer: Dialer
  readonly feedback: EndpointFeedback
  readonly abandoned: AbandonedDials
}

/** A client's search for an endpoint that can be connected to; begins at once. */
export class Dialling {
  /** Never rejects. A connection is ready for the first byte of the client. Its endpoint counts as in use until its owner says otherwise. */
  readonly outcome: Promise<DialOutcome>
  readonly #request: DiallingRequest
  readonly #deps: DiallingDeps
  readonly #unwanted = new AbortController()
  #attempts = 0
  #connectMs: number | undefined

  constructor(request: DiallingRequest, limits: DialLimits, deps: DiallingDeps) {
    this.#request = request
    this.#deps = deps
    this.outcome = this.#dial(limits)
  }

  /** Endpoints that were tried. */
  get attempts(): number {
    return this.#attempts
  }

  /** From the beginning to the connected endpoint; `undefined` before, and where there is none. */
  get connectMs(): number | undefined {
    return this.#connectMs
  }

  /** Nobody wants a connection any more; what is connected already is its owner's to close. */
  abandon(): void {
    this.#unwanted.abort()
  }

  async #dial({ dialTimeoutMs, dialBudgetMs }: DialLimits): Promise<DialOutcome> {
    const startedAt = performance.now()
    const { picker, dialer, abandoned } = this.#deps
    const { accepted, called, pool, key } = this.#request
    const { source, service } = accepted
    const { name } = called.servicePort
    const clientIp = source?.ip ?? ''
    const dialled = await dialFirst(
      {
        endpoints: picker.order({ servicePort: name, scope: called.scope, clientIp, key }),
        service: name,
        signal: this.#unwanted.signal,
        isFirm: pool.connectTimeoutMs !== undefined,
      },
      { dialTimeoutMs: pool.connectTimeoutMs ?? dialTimeoutMs, dialBudgetMs },
      { dialer, observer: this.#observer(name), abandoned },
    )
    if (dialled.status === 'connected') {
      this.#connectMs = performance.now() - startedAt
      const proxied = { source, destination: called.destination }
      prepareConnection(dialled.connection, { pool, service, proxied })
    }
    return dialled
  }

  #observer(name: ServicePortName): DialObserver {
    const { feedback } = this.#deps
    return {
      trying: (endpoint) => {
        this.#attempts += 1
        feedback.opened(name, endpoint)
      },
      connected: (endpoint, connectMs) => feedback.connected(name, endpoint, connectMs),
      failed: (endpoint, failure) => {
        feedback.failed(name, endpoint, failure)
        feedback.closed(name, endpoint)
      },
      abandoned: (endpoint) => feedback.closed(name, endpoint),
    }
  }
}
