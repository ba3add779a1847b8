import {
  type ComponentDeps,
  type Counter,
  type Dialer,
  limitedWarn,
  type NodeDirectory,
  type NodeName,
  type ServiceDirectory,
} from '@edgeway/core'
import { balancerFor } from './balance/balancer-for.ts'
import { EndpointLoads } from './balance/endpoint-loads.ts'
import { EndpointPicker } from './balance/endpoint-picker.ts'
import { EndpointFeedback } from './endpoint-feedback.ts'
import { ActiveChecks } from './health/active-checks.ts'
import { EndpointChecks } from './health/endpoint-checks.ts'
import { HealthBook } from './health/health-book.ts'
import { healthMetrics } from './health/health-metrics.ts'
import type { HealthOptions } from './health/health-options.ts'
import { StatusWatch } from './health/status-watch.ts'
import { SYSTEM_TIMERS } from './timers.ts'

export interface EndpointChoiceOptions {
  readonly health: HealthOptions
}

export interface EndpointChoiceDeps extends Pick<ComponentDeps, 'logger' | 'metrics' | 'status'> {
  readonly services: ServiceDirectory
  readonly nodes: Pick<NodeDirectory, 'node' | 'watchNodes'>
  readonly nodeName: NodeName
  readonly dialer: Dialer
  /** Endpoints that failed a flow. */
  readonly failures: Counter<'reason'>
}

/** At `/statusz`. */
const MAX_LISTED = 100

/** Who chooses endpoints for new flows, and what that learns of the flows before. */
export class EndpointChoice implements AsyncDisposable {
  readonly health: HealthBook
  readonly picker: EndpointPicker
  readonly feedback: EndpointFeedback
  readonly statuses: StatusWatch
  readonly #parts: AsyncDisposableStack

  private constructor(
    parts: AsyncDisposableStack,
    what: Pick<EndpointChoice, 'health' | 'picker' | 'feedback' | 'statuses'>,
  ) {
    this.#parts = parts
    this.health = what.health
    this.picker = what.picker
    this.feedback = what.feedback
    this.statuses = what.statuses
  }

  static start({ health: options }: EndpointChoiceOptions, deps: EndpointChoiceDeps): EndpointChoice {
    const { services, nodes, nodeName, dialer, failures } = deps
    const timers = SYSTEM_TIMERS
    const viewpoint = { nodeName, nodes }
    const parts = new AsyncDisposableStack()
    const { check } = parts.use(new EndpointChecks(options, dialer))
    const health = parts.use(
      new HealthBook(options, {
        ...{ services, check, timers },
        metrics: healthMetrics(deps.metrics),
        logger: limited(deps.logger),
      }),
    )
    parts.use(new ActiveChecks(options, { services, viewpoint, book: health, check, timers }))
    const loads = parts.use(new EndpointLoads(services, timers.now))
    const picker = new EndpointPicker({
      ...{ services, health, loads },
      viewpoint,
      balancerFor: (policy) => balancerFor(policy, { now: timers.now, random: Math.random }),
    })
    parts.use(services.watch((changed) => picker.forget(changed)))
    parts.use(nodes.watchNodes(() => picker.forgetRanks()))
    deps.status.section('traffic', () => ({ notHealthy: [...health.status()].slice(0, MAX_LISTED) }))
    return new EndpointChoice(parts, {
      health,
      picker,
      feedback: new EndpointFeedback({ loads, health, failures }),
      statuses: parts.use(new StatusWatch({ services, health, now: timers.now })),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]()
  }
}

/** Endpoints may come and go by the hundred when a link is lost. */
function limited(
  logger: EndpointChoiceDeps['logger'],
): ConstructorParameters<typeof HealthBook>[1]['logger'] {
  return {
    warn: limitedWarn(logger),
    info: limitedWarn({ warn: (message, fields) => logger.info(message, fields) }),
  }
}
