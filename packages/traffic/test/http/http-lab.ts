import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  type ConnectionPool,
  type Endpoint,
  type HttpConnectionPool,
  NO_CONNECTION_POOL,
  NO_HTTP_POOL,
  type Service,
  type ServicePortName,
} from '@edgeway/core'
import { TrafficLab } from '../traffic-lab.ts'

export const RELAY_ENGINES = ['auto', 'stream'] as const

/** Requests are balanced one by one, to endpoints on any node. */
export const BY_REQUEST = { 'edgeway.io/topology': 'any', 'edgeway.io/forwarding': 'l7' }

/** A TrafficLab with one Service whose requests are looked at. */
export class HttpLab implements AsyncDisposable {
  readonly lab: TrafficLab
  readonly service: ServicePortName
  readonly #endpoints: readonly Endpoint[]

  private constructor(lab: TrafficLab, service: ServicePortName, endpoints: readonly Endpoint[]) {
    this.lab = lab
    this.service = service
    this.#endpoints = endpoints
  }

  static async start(
    endpoints: readonly Endpoint[],
    { annotations, ...wishes }: Partial<Service> = {},
    options: Parameters<typeof TrafficLab.start>[0] = {},
  ): Promise<HttpLab> {
    const lab = await TrafficLab.start({ flowLogSampleRatio: 1, ...options })
    const service = lab.addService('shop/web:http', endpoints, {
      ...wishes,
      annotations: { ...BY_REQUEST, ...annotations },
    })
    return new HttpLab(lab, service, endpoints)
  }

  connect(): Promise<Socket> {
    return this.lab.connect(this.service)
  }

  /** Has the Service wish something else from here on. */
  change(wishes: Partial<Service>): void {
    const { services } = this.lab
    const service = services.serviceOf(this.service)
    if (service !== undefined) services.set({ ...service, ...wishes }, this.#endpoints)
  }

  /** Sends all of it at once, ends, and reads what comes to the end. */
  async exchange(...texts: readonly string[]): Promise<string> {
    const client = await this.connect()
    client.end(texts.join(''), 'latin1')
    return (await text(client.setEncoding('latin1'))).toString()
  }

  /** The fields of the lines that tell how requests ended. */
  requestsEnded(count: number): Promise<Readonly<Record<string, unknown>>[]> {
    return this.lab.linesOf('request ended', count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]()
  }
}

/** The limits of a DestinationRule. */
export function poolOf(
  pool: Partial<ConnectionPool>,
  http: Partial<HttpConnectionPool> = {},
): Partial<Service> {
  const connectionPool = { ...NO_CONNECTION_POOL, ...pool, http: { ...NO_HTTP_POOL, ...http } }
  return { destinationPolicy: { balancing: undefined, connectionPool, outlierDetection: undefined } }
}

/** A request without a body. */
export function get(target: string, ...fields: readonly string[]): string {
  return `GET ${target} HTTP/1.1\r\n${['Host: web.shop', ...fields].join('\r\n')}\r\n\r\n`
}

/** The statuses of the responses in a text, in order. */
export function statusesOf(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}
