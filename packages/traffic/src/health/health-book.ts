import {
  type EndpointAddress,
  type EndpointHealth,
  formatEndpoint,
  type HealthState,
  type Logger,
  type ServiceDirectory,
  type ServicePortName,
} from '@edgeway/core'
import type { EndpointFailure } from '../balance/endpoint-reports.ts'
import type { Timers } from '../timers.ts'
import {
  afterAnswer,
  afterConnection,
  afterFailedTry,
  afterFailure,
  afterTry,
  type Condition,
  type HealthPolicy,
  whenDue,
} from './condition.ts'
import type { CheckEndpoint } from './endpoint-checks.ts'
import type { HealthMetrics } from './health-metrics.ts'
import { type HealthOptions, healthPolicyOf } from './health-options.ts'

export interface HealthBookDeps {
  readonly services: Pick<ServiceDirectory, 'endpoints' | 'serviceOf' | 'watch'>
  readonly check: CheckEndpoint
  readonly timers: Timers
  readonly metrics: HealthMetrics
  /** `warn`: of an endpoint that is left out; limited by its owner. */
  readonly logger: Pick<Logger, 'warn' | 'info'>
}

interface Entry {
  readonly endpoint: EndpointAddress
  condition: Condition
  timer: Disposable | undefined
}

/**
 * Remembers which endpoints fail, by ServicePort, from what flows and checks report. One that is left out is tried after
 * a period that grows, and is used again once it answers. Of endpoints that are well it remembers nothing.
 */
export class HealthBook implements EndpointHealth, Disposable {
  readonly #options: HealthOptions
  readonly #deps: HealthBookDeps
  readonly #entries = new Map<ServicePortName, Map<string, Entry>>()
  readonly #listeners = new Set<(changed: ServicePortName) => void>()
  readonly #subscription: Disposable
  #unhealthy = 0

  constructor(options: HealthOptions, deps: HealthBookDeps) {
    this.#options = options
    this.#deps = deps
    this.#subscription = deps.services.watch((changed) => this.#forgetUnlisted(changed))
  }

  state(service: ServicePortName, endpoint: EndpointAddress): HealthState {
    const entries = this.#entries.get(service)
    if (entries === undefined) return 'healthy'
    return entries.get(formatEndpoint(endpoint))?.condition.state ?? 'healthy'
  }

  watch(listener: (changed: ServicePortName) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  failed(service: ServicePortName, endpoint: EndpointAddress, failure: EndpointFailure): void {
    // What this node lacks is not the endpoint's fault, and one that has gone is nobody's concern.
    if (failure === 'exhausted' || !this.#isListed(service, endpoint)) return
    const entry = this.#entry(service, endpoint)
    const policy = this.#policy(service)
    const next = afterFailure(entry?.condition, { failure, now: this.#now() }, policy)
    if (next === entry?.condition) return
    const isEjected = next.state === 'unhealthy'
    // One that may not be left out is where it was.
    if (isEjected && !this.#mayEject(service)) return
    this.#set(service, endpoint, next)
    if (isEjected) this.#ejected(service, endpoint, { failure, condition: next })
  }

  /** It could be connected to. */
  connected(service: ServicePortName, endpoint: EndpointAddress): void {
    const entry = this.#entry(service, endpoint)
    if (entry === undefined) return
    const next = afterConnection(entry.condition, this.#now(), this.#policy(service))
    if (next?.state === 'recovering' && entry.condition.state !== 'recovering') this.#back(service, entry)
    this.#set(service, endpoint, next)
  }

  /** It sent a byte. */
  answered(service: ServicePortName, endpoint: EndpointAddress): void {
    const entry = this.#entry(service, endpoint)
    if (entry !== undefined && entry.condition.resets > 0)
      this.#set(service, endpoint, afterAnswer(entry.condition))
  }

  /** Those that are left out or recover, for people. */
  *status(): Generator<{ service: string; endpoint: string; state: HealthState }> {
    for (const [service, entries] of this.#entries) {
      for (const [endpoint, { condition }] of entries)
        if (condition.state !== 'healthy') yield { service, endpoint, state: condition.state }
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
    for (const entries of this.#entries.values())
      for (const { timer } of entries.values()) timer?.[Symbol.dispose]()
    this.#entries.clear()
  }

  #entry(service: ServicePortName, endpoint: EndpointAddress): Entry | undefined {
    return this.#entries.get(service)?.get(formatEndpoint(endpoint))
  }

  #set(service: ServicePortName, endpoint: EndpointAddress, condition: Condition | undefined): void {
    const key = formatEndpoint(endpoint)
    const entries = this.#entries.get(service) ?? new Map<string, Entry>()
    const previous = entries.get(key)
    if (previous?.condition === condition) return
    previous?.timer?.[Symbol.dispose]()
    if (condition === undefined) entries.delete(key)
    else entries.set(key, this.#timed(service, endpoint, condition))
    if (entries.size === 0) this.#entries.delete(service)
    else this.#entries.set(service, entries)
    this.#tell(service, previous?.condition.state ?? 'healthy', condition?.state ?? 'healthy')
  }

  #timed(service: ServicePortName, endpoint: EndpointAddress, condition: Condition): Entry {
    const delayMs = Math.max(0, condition.until - this.#now())
    const entry: Entry = { endpoint, condition, timer: undefined }
    entry.timer = this.#deps.timers.after(delayMs, () => this.#due(service, entry))
    return entry
  }

  #due(service: ServicePortName, entry: Entry): void {
    if (entry.condition.state === 'unhealthy') void this.#try(service, entry)
    else this.#set(service, entry.endpoint, whenDue(entry.condition, this.#now(), this.#policy(service)))
  }

  /** Nobody asks a UDP endpoint without a question of its protocol: the next flow will tell. */
  async #try(service: ServicePortName, entry: Entry): Promise<void> {
    const { endpoint } = entry
    const failure = endpoint.protocol === 'TCP' ? await this.#deps.check(service, endpoint) : undefined
    // Meanwhile a flow may have told, or the endpoint has gone.
    if (this.#entry(service, endpoint) !== entry) return
    const [now, policy] = [this.#now(), this.#policy(service)]
    if (failure === undefined) {
      this.#back(service, entry)
      this.#set(service, endpoint, afterTry(entry.condition, now, policy))
    } else this.#set(service, endpoint, afterFailedTry(entry.condition, { failure, now }, policy))
  }

  /** One may always be left out; more only within the share that a DestinationRule allows. */
  #mayEject(service: ServicePortName): boolean {
    const { services } = this.#deps
    const percent = services.serviceOf(service)?.destinationPolicy?.outlierDetection?.maxEjectionPercent
    if (percent === undefined) return true
    const entries = [...(this.#entries.get(service)?.values() ?? [])]
    const ejected = entries.filter(({ condition }) => condition.state === 'unhealthy').length
    return ejected === 0 || ((ejected + 1) * 100) / services.endpoints(service).length <= percent
  }

  #isListed(service: ServicePortName, endpoint: EndpointAddress): boolean {
    const key = formatEndpoint(endpoint)
    return this.#deps.services.endpoints(service).some((listed) => formatEndpoint(listed) === key)
  }

  #forgetUnlisted(service: ServicePortName): void {
    const entries = this.#entries.get(service)
    if (entries === undefined) return
    const listed = new Set(this.#deps.services.endpoints(service).map(formatEndpoint))
    for (const [key, { endpoint }] of entries) if (!listed.has(key)) this.#set(service, endpoint, undefined)
  }

  #ejected(
    service: ServicePortName,
    endpoint: EndpointAddress,
    { failure, condition }: { readonly failure: EndpointFailure; readonly condition: Condition },
  ): void {
    this.#deps.metrics.ejections.add({ reason: failure })
    const forMs = Math.round(condition.until - this.#now())
    this.#deps.logger.warn('endpoint is left out', {
      service,
      endpoint: formatEndpoint(endpoint),
      failure,
      forMs,
    })
  }

  #back(service: ServicePortName, { endpoint, condition }: Entry): void {
    const hasAnswered = endpoint.protocol === 'TCP' && !condition.isHeld
    const message = hasAnswered ? 'endpoint answers again' : 'endpoint is tried again'
    this.#deps.logger.info(message, { service, endpoint: formatEndpoint(endpoint) })
  }

  #tell(service: ServicePortName, before: HealthState, after: HealthState): void {
    if (before === after) return
    this.#unhealthy += Number(after === 'unhealthy') - Number(before === 'unhealthy')
    this.#deps.metrics.unhealthy.set({}, this.#unhealthy)
    for (const listener of this.#listeners) listener(service)
  }

  #policy(service: ServicePortName): HealthPolicy {
    return healthPolicyOf(this.#options, this.#deps.services.serviceOf(service))
  }

  #now(): number {
    return this.#deps.timers.now()
  }
}
