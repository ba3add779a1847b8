import {
  type Dialer,
  declaredProtocol,
  type Logger,
  type Metrics,
  type ServiceDirectory,
} from '@edgeway/core'
import type { Metering } from '../account/byte-meter.ts'
import { formatClient } from '../account/client-address.ts'
import type { FlowJournal, FlowRecord } from '../account/flow-journal.ts'
import type { FlowLogOptions } from '../account/flow-log.ts'
import { RequestJournal } from '../account/request-journal.ts'
import { requestMetrics } from '../account/request-metrics.ts'
import type { EndpointPicker } from '../balance/endpoint-picker.ts'
import type { AbandonedDials } from '../dial/abandoned-dials.ts'
import type { DialLimits } from '../dial/try-endpoints.ts'
import type { EndpointFeedback } from '../endpoint-feedback.ts'
import type { CalledPort } from '../listen/interceptor.ts'
import type { TrafficMetrics } from '../metrics.ts'
import type { OpenFlow } from '../open-flows.ts'
import type { Caller } from '../outbound/accepted-client.ts'
import type { DialledEndpoint, HttpForwarder, HttpStart } from '../outbound/http-forwarder.ts'
import type { RelayEngine } from '../relay/relay-engine.ts'
import type { RelayEnginesOptions } from '../relay/relay-engines.ts'
import type { Timers } from '../timers.ts'
import { Wires } from '../wire/wires.ts'
import type { HttpClient } from './http-client.ts'
import type { HttpOptions } from './http-options.ts'
import type { Http1Connection } from './http1/http1-connection.ts'
import { Http1Server, type UpgradeWish } from './http1/http1-server.ts'
import { UpstreamPools } from './http1/upstream-pools.ts'
import { upgradeSettings } from './http2/h2c-upgrade.ts'
import { type Http2Deps, Http2Flow } from './http2/http2-flow.ts'
import { UpgradedFlow } from './http2/upgraded-flow.ts'
import { UpstreamSessions } from './http2/upstream-sessions.ts'
import { allFieldsOf, linesOf } from './message/request-head.ts'
import { RequestRoutes } from './policy/request-routes.ts'
import type { StatusReports } from './policy/status-reports.ts'
import { UpstreamDialer } from './upstream-dialer.ts'

export interface RequestForwarderOptions extends HttpOptions, DialLimits, FlowLogOptions {
  /** Of connections that are no longer HTTP's, without a byte in either direction; 0: without limit. */
  readonly idleTimeoutMs: number
  readonly relayEngine: RelayEnginesOptions['engine']
}

export interface RequestForwarderDeps {
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

/** Carries connections of this node's clients that speak HTTP: each of their requests goes to an endpoint of its own. */
export class RequestForwarder implements HttpForwarder, AsyncDisposable {
  /** Of all connections that speak HTTP. */
  readonly wires: Wires
  readonly #http1: Http1Server
  readonly #http2: Http2Deps
  readonly #routes: RequestRoutes
  readonly #pools: UpstreamPools
  readonly #journal: FlowJournal
  readonly #parts: AsyncDisposableStack

  private constructor(options: RequestForwarderOptions, deps: RequestForwarderDeps, wires: Wires) {
    const { services, logger, timers, journal } = deps
    const { now } = timers
    const metrics = requestMetrics(deps.metrics)
    const parts = new AsyncDisposableStack()
    this.#parts = parts
    this.wires = wires
    this.#journal = journal
    const routes = parts.use(new RequestRoutes(options, { ...deps, ...metrics, random: Math.random, now }))
    const dialer = new UpstreamDialer(options, deps)
    const requests = new RequestJournal(options, { ...{ logger, metrics, services, now }, bytes: deps.bytes })
    const sessions = parts.use(new UpstreamSessions(options, { services, dialer, timers }))
    const pools = parts.use(new UpstreamPools(options, { services, dialer, wires, timers }))
    this.#routes = routes
    this.#pools = pools
    this.#http2 = { options, routes, sessions, journal: requests, logger, timers }
    this.#http1 = parts.use(
      new Http1Server(options, {
        ...{ routes, pools, wires, relay: deps.relay, journal, requests, timers },
        upgradeToHttp2: (upgrade) => upgradedFlow(upgrade, this.#http2),
      }),
    )
  }

  static async start(
    options: RequestForwarderOptions,
    deps: RequestForwarderDeps,
  ): Promise<RequestForwarder> {
    return new RequestForwarder(options, deps, await Wires.start({ engine: options.relayEngine }))
  }

  hasAnswered(called: CalledPort): boolean {
    return this.#routes.of(called).hasAnswered
  }

  serve({ client: socket, called, service, source, acceptedAtMs }: Caller, start: HttpStart): OpenFlow {
    const client = { socket, called, service, source }
    if (start.spare !== undefined) this.#keepSpare(client, start.spare)
    const flow =
      start.protocol === 'http1' ? this.#http1.serve(client, start.wired) : new Http2Flow(client, this.#http2)
    const known = {
      direction: 'outbound',
      client: source === undefined ? 'unknown' : formatClient(source),
      service: called.servicePort.name,
    } as const
    this.#journal.begin('outbound')
    const ended = flow.ended.then(() => {
      const { record, metering } = endOf(flow)
      const durationMs = performance.now() - acceptedAtMs
      this.#journal.end({ ...known, ...record, durationMs }, metering)
    })
    return { ended, cut: () => flow.cut(), drain: () => flow.drain() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]()
  }

  /** One that began by telling who calls is of no use to other clients. */
  #keepSpare({ called }: HttpClient, { endpoint, connection }: DialledEndpoint): void {
    const routes = this.#routes.of(called)
    const { isShareable } = routes
    if (isShareable)
      this.#pools.of(routes).adopt(connection, { endpoint, path: connection.path, isShareable })
    else connection.reset()
  }
}

/** The bytes of requests were counted with them; those of a connection that has switched protocols are still to be. */
function endOf(flow: Http1Connection | Http2Flow): {
  readonly record: Pick<FlowRecord, 'outcome'> & Partial<FlowRecord>
  readonly metering: Metering | undefined
} {
  if (flow instanceof Http2Flow) return { record: { outcome: flow.outcome }, metering: undefined }
  const { outcome, requests, pipe } = flow
  if (pipe === undefined) return { record: { outcome, requests }, metering: undefined }
  const { joined, metering, endpoint, path } = pipe
  const { bytesSent, bytesReceived } = joined
  return { record: { outcome, requests, endpoint, path, bytesSent, bytesReceived }, metering }
}

/** Only where HTTP/2 is declared will the endpoints understand it; elsewhere the wish is left unheard (RFC 9110, 7.8). */
function upgradedFlow({ client, head, release }: UpgradeWish, deps: Http2Deps): UpgradedFlow | undefined {
  const protocol = declaredProtocol(client.called.servicePort, client.service.annotations)
  const [settings, ...others] = allFieldsOf(head, 'http2-settings')
  const payload = others.length === 0 ? upgradeSettings(settings) : undefined
  if ((protocol !== 'http2' && protocol !== 'grpc') || payload === undefined) return undefined
  const { method, path: target } = head
  const upgrade = { method, target, fields: linesOf(head), settings: payload }
  release()
  return new UpgradedFlow(client, upgrade, deps)
}
