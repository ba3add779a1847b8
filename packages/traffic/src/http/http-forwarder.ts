import type { EndpointAddress, EndpointConnection, Logger, ServiceDirectory, ServicePortName } from '@edgeway/core'
import { formatClient } from '../account/client-address.ts'
import type { FlowJournal, FlowRecord } from '../account/flow-journal.ts'
import type { RequestJournal } from '../account/request-journal.ts'
import type { OpenFlow } from '../open-flows.ts'
import type { RelayEngine } from '../relay/relay-engine.ts'
import type { Timers } from '../timers.ts'
import type { Wires } from '../wire/wires.ts'
import type { HttpClient } from './http-client.ts'
import type { HttpOptions } from './http-options.ts'
import type { Http1Connection } from './http1/http1-connection.ts'
import { Http1Server } from './http1/http1-server.ts'
import { UpstreamPools } from './http1/upstream-pools.ts'
import type { RequestRoutes } from './policy/request-routes.ts'
import type { UpstreamDialer } from './upstream-dialer.ts'

export interface HttpForwarderOptions extends HttpOptions {
  /** Of connections that are no longer HTTP's, without a byte in either direction; 0: without limit. */
  readonly idleTimeoutMs: number
}

export interface HttpForwarderDeps {
  readonly services: Pick<ServiceDirectory, 'endpoints' | 'watch'>
  readonly routes: RequestRoutes
  readonly dialer: UpstreamDialer
  readonly wires: Wires
  readonly relay: Pick<RelayEngine, 'relay'>
  readonly journal: FlowJournal
  readonly requests: RequestJournal
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
  readonly #deps: HttpForwarderDeps

  constructor(options: HttpForwarderOptions, deps: HttpForwarderDeps) {
    this.#deps = deps
    this.#pools = new UpstreamPools(options, deps)
    this.#http1 = new Http1Server(options, {
      ...deps,
      pools: this.#pools,
      upgradeToHttp2: () => false,
    })
  }

  /** Takes over an accepted client, whose first bytes are in its socket; returns at once. */
  serve(client: HttpClient, { spare }: HttpStart): OpenFlow {
    const startedAt = performance.now()
    spare?.connection.reset()
    const { journal } = this.#deps
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
  }
}

function knownOf({ source, called }: HttpClient): Pick<FlowRecord, 'direction' | 'client' | 'service'> {
  const service: ServicePortName = called.servicePort.name
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
