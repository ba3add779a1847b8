import {
  type EndpointAddress,
  formatEndpoint,
  requestPolicyOf,
  type Service,
  type ServiceDirectory,
  type ServicePortName,
  type StatusOutliers,
} from '@edgeway/core'
import type { HealthBook } from './health-book.ts'
import { RecentStatuses } from './recent-statuses.ts'

export interface StatusWatchDeps {
  readonly services: Pick<ServiceDirectory, 'serviceOf' | 'endpoints' | 'watch'>
  readonly health: Pick<HealthBook, 'failed' | 'state'>
  /** Milliseconds of a clock that never goes back. */
  now(): number
}

/** One ServicePort, as long as its Service is the same. */
interface Watched {
  readonly service: Service
  /** `undefined`: it wishes nothing, nothing is counted. */
  readonly outliers: StatusOutliers | undefined
  /** By endpoint. */
  readonly counts: Map<string, Counts>
}

interface Counts {
  /** In a row. */
  errors: number
  gatewayErrors: number
  /** Only where a share of errors is too many. */
  readonly recent: RecentStatuses | undefined
}

/** Of fewer responses no share is told. */
const MIN_RESPONSES = 20

/**
 * Tells the health of endpoints that answer with errors, as their Services wish: with 5xx or gateway errors so often in a row, or
 * with a share of 5xx among their latest responses. After that it counts anew, whether the endpoint is left out or not.
 *
 * HOT PATH: called for each response. Nothing is allocated for Services without such a wish.
 */
export class StatusWatch implements Disposable {
  readonly #deps: StatusWatchDeps
  readonly #watched = new Map<ServicePortName, Watched>()
  readonly #subscription: Disposable

  constructor(deps: StatusWatchDeps) {
    this.#deps = deps
    this.#subscription = deps.services.watch((changed) => this.#forgetUnlisted(changed))
  }

  /**
   * To be told of the response of each try of a request, whether the client gets it or not.
   *
   * @param status - of the final response, 200 to 599; what stands for it where none came
   */
  responded(service: ServicePortName, endpoint: EndpointAddress, status: number): void {
    const watched = this.#watchedOf(service)
    if (watched?.outliers === undefined) return
    const isError = status >= 500
    const { health } = this.#deps
    // Answers to those who had no choice, or had come before.
    if (isError && health.state(service, endpoint) === 'unhealthy') return
    const counts = countsOf(watched, endpoint)
    note(counts, status, this.#deps.now())
    if (!isError || !isTooMuch(counts, watched.outliers)) return
    clear(counts)
    health.failed(service, endpoint, 'status')
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
    this.#watched.clear()
  }

  #watchedOf(name: ServicePortName): Watched | undefined {
    const service = this.#deps.services.serviceOf(name)
    const known = this.#watched.get(name)
    if (service === undefined || known?.service === service) return known
    const { outliers } = requestPolicyOf(service)
    // With another wish there are other counts.
    const watched = { service, outliers, counts: new Map<string, Counts>() }
    this.#watched.set(name, watched)
    return watched
  }

  #forgetUnlisted(name: ServicePortName): void {
    const { services } = this.#deps
    const watched = this.#watched.get(name)
    if (watched === undefined) return
    if (services.serviceOf(name) === undefined) this.#watched.delete(name)
    if (watched.counts.size === 0) return
    const listed = new Set(services.endpoints(name).map(formatEndpoint))
    for (const key of watched.counts.keys()) if (!listed.has(key)) watched.counts.delete(key)
  }
}

function countsOf({ outliers, counts }: Watched, endpoint: EndpointAddress): Counts {
  const key = formatEndpoint(endpoint)
  const known = counts.get(key)
  if (known !== undefined) return known
  const recent = outliers?.maxErrorPercent === undefined ? undefined : new RecentStatuses()
  const fresh = { errors: 0, gatewayErrors: 0, recent }
  counts.set(key, fresh)
  return fresh
}

function note(counts: Counts, status: number, now: number): void {
  const isError = status >= 500
  counts.errors = isError ? counts.errors + 1 : 0
  counts.gatewayErrors = status >= 502 && status <= 504 ? counts.gatewayErrors + 1 : 0
  counts.recent?.note(isError, now)
}

function isTooMuch({ errors, gatewayErrors, recent }: Counts, outliers: StatusOutliers): boolean {
  const { consecutive5xx, consecutiveGatewayErrors, maxErrorPercent } = outliers
  if (consecutive5xx !== undefined && errors >= consecutive5xx) return true
  if (consecutiveGatewayErrors !== undefined && gatewayErrors >= consecutiveGatewayErrors) return true
  if (maxErrorPercent === undefined || recent === undefined) return false
  const { responses } = recent
  return responses >= MIN_RESPONSES && recent.errors * 100 >= maxErrorPercent * responses
}

function clear(counts: Counts): void {
  counts.errors = 0
  counts.gatewayErrors = 0
  counts.recent?.clear()
}
