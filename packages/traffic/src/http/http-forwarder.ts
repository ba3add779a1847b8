import type {
  Dialer,
  EndpointAddress,
  EndpointConnection,
  Logger,
  Metrics,
  ServiceDirectory,
} from '@edgeway/core'
import { formatClient } from '../account/client-address.ts'
import type { FlowJournal, FlowRecord } from '../account/flow-journal.ts'
import type { FlowLogOptions } from '../account/flow-log.ts'
import { RequestJournal } from '../account/request-journal.ts'
import { requestMetrics } from '../account/request-metrics.ts'
import type { EndpointPicker } from '../balance/endpoint-picker.ts'
import type { AbandonedDials } from '../dial/abandoned-dials.ts'
import type { DialLimits } from '../dial/try-endpoints.ts'
import type { EndpointFeedback } from '../endpoint-feedback.ts'
import type { TrafficMetrics } from '../metrics.ts'
import type { OpenFlow } from '../open-flows.ts'
import type { RelayEngine } from '../relay/relay-engine.ts'
import type { RelayEnginesOptions } from '../relay/relay-engines.ts'
import type { Timers } from '../timers.ts'
import { Wires } from '../wire/wires.ts'
import type { HttpClient } from './http-client.ts'
import type { HttpOptions } from './http-options.ts'
import type { Http1Connection } from './http1/http1-connection.ts'
import { Http1Server } from './http1/http1-server.ts'
import { UpstreamPools } from './http1/upstream-pools.ts'
import { RequestRoutes } from './policy/request-routes.ts'
import type { StatusReports } from './policy/status-reports.ts'
import { UpstreamDialer } from './upstream-dialer.ts'

export interface HttpForwarderOptions extends HttpOptions, DialLimits, FlowLogOptions {
  /** Of connections that are no longer HTTP's, without a byte in either direction; 0: without limit. */
  readonly idleTimeoutMs: number
  readonly relayEngine: RelayEnginesOptions['engine']
}

export interface HttpForwarderDeps {
  readonly services: Pick<ServiceDirectory, 'endpoints' | 'servicePort' | 'serviceOf' | 'watch'>
  readonly picker: EndpointPicker
  readonly feedback: EndpointFeedback
  readonly statuses: StatusReports
  readonly dialer: Dialer
  readonly abandoned: AbandonedDials
  readonly relay: Pick<RelayEngine, 'relay'>
  readonly journal: FlowJournal
  readonly metrics: Metrics
  /** Of flows and requests together. */
  readonly bytes: TrafficMetrics['bytes']
  readonly logger: Logger
  readonly timers: Timers
}

/** How a client's connection begins. */
export interface HttpStart {
  readonly protocol: 'http1' | 'http2'
  /** An endpoint that was connected to meanwhile, for which nobody has a use yet. */
  readonly spare: SpareConnection | undefined
}

export interface SpareConnection {
  readonly endpoint: EndpointAddress
  readonly connection: EndpointConnection
}

/** Carries connections of this node's clients that speak HTTP: each of their requests goes to an endpoint of its own. */
export class HttpForwarder implements AsyncDisposable {
  readonly #http1: Http1Server
  readonly #pools: UpstreamPools
  readonly #routes: RequestRoutes
  readonly #journal: FlowJournal

  private constructor(options: HttpForwarderOptions, deps: HttpForwarderDeps, wires: Wires) {
    const { services, logger, timers } = deps
    const { now } = timers
    const metrics = requestMetrics(deps.metrics)
    this.#journal = deps.journal
    this.#routes = new RequestRoutes(options, { ...deps, ...metrics, random: Math.random, now })
    const dialer = new UpstreamDialer(options, deps)
    const requests = new RequestJournal(options, { ...{ logger, metrics, services, now }, bytes: deps.bytes })
    this.#pools = new UpstreamPools(options, { services, dialer, wires, timers })
    this.#http1 = new Http1Server(options, {
      ...deps,
      ...{ routes: this.#routes, pools: this.#pools, wires, requests },
      upgradeToHttp2: () => false,
    })
  }

  static async start(options: HttpForwarderOptions, deps: HttpForwarderDeps): Promise<HttpForwarder> {
    return new HttpForwarder(options, deps, await Wires.start({ engine: options.relayEngine }))
  }

  /** Takes over an accepted client, whose first bytes are in its socket; returns at once. */
  serve(client: HttpClient, { spare }: HttpStart): OpenFlow {
    const startedAt = performance.now()
    spare?.connection.reset()
    const journal = this.#journal
    journal.begin('outbound')
    const connection = this.#http1.serve(client)
    const ended = connection.ended.then(() => {
      const { record, metering } = endOf(connection)
      journal.end({ ...knownOf(client), ...record, durationMs: performance.now() - startedAt }, metering)
    })
    return { ended, cut: () => connection.cut(), drain: () => connection.drain() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http1[Symbol.dispose]()
    this.#pools[Symbol.dispose]()
    this.#routes[Symbol.dispose]()
  }
}

function knownOf({ source, called }: HttpClient): Pick<FlowRecord, 'direction' | 'client' | 'service'> {
  const service = called.servicePort.name
  return { direction: 'outbound', client: source === undefined ? 'unknown' : formatClient(source), service }
}

/** The bytes of requests were counted with them; those of a connection that has switched protocols are still to be. */
function endOf({ outcome, requests, pipe }: Http1Connection) {
  const record = { outcome, requests }
  if (pipe === undefined) return { record, metering: undefined }
  const { joined, metering, endpoint, path } = pipe
  const { bytesSent, bytesReceived } = joined
  return { record: { ...record, endpoint, path, bytesSent, bytesReceived }, metering }
}
