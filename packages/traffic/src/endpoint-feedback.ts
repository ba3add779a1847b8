import type { Counter, EndpointAddress, ServicePortName } from '@edgeway/core'
import type { EndpointLoads } from './balance/endpoint-loads.ts'
import type { EndpointFailure, EndpointReports } from './balance/endpoint-reports.ts'
import type { HealthBook } from './health/health-book.ts'

export interface EndpointFeedbackDeps {
  readonly loads: Pick<EndpointLoads, 'opened' | 'closed' | 'connected' | 'failed'>
  readonly health: Pick<HealthBook, 'failed' | 'connected' | 'answered'>
  readonly failures: Counter<'reason'>
}

/** Brings what flows learn of endpoints to those who choose: their loads and their health. */
export class EndpointFeedback implements EndpointReports {
  readonly #deps: EndpointFeedbackDeps

  constructor(deps: EndpointFeedbackDeps) {
    this.#deps = deps
  }

  opened(service: ServicePortName, endpoint: EndpointAddress): void {
    this.#deps.loads.opened(service, endpoint)
  }

  closed(service: ServicePortName, endpoint: EndpointAddress): void {
    this.#deps.loads.closed(service, endpoint)
  }

  connected(service: ServicePortName, endpoint: EndpointAddress, connectMs: number): void {
    this.#deps.loads.connected(service, endpoint, connectMs)
    this.#deps.health.connected(service, endpoint)
  }

  failed(service: ServicePortName, endpoint: EndpointAddress, failure: EndpointFailure): void {
    this.#deps.failures.add({ reason: failure })
    // What this node lacks says nothing of the endpoint.
    if (failure === 'exhausted') return
    this.#deps.loads.failed(service, endpoint)
    this.#deps.health.failed(service, endpoint, failure)
  }

  /**
   * It sent a byte.
   *
   * @param afterMs - since a request was sent to it, where that is known: tells of its speed as connecting does, of which there
   *   is hardly any while connections are kept
   */
  answered(service: ServicePortName, endpoint: EndpointAddress, afterMs?: number): void {
    this.#deps.health.answered(service, endpoint)
    if (afterMs !== undefined) this.#deps.loads.connected(service, endpoint, afterMs)
  }
}
