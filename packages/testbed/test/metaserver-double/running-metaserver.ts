import { vi } from 'vitest'
import type { ApiObject } from '../../src/api-double/api-object.ts'
import { ObjectStore } from '../../src/api-double/object-store.ts'
import {
  type Faults,
  ManualClock,
  MetaServerDouble,
  type MetaServerDoubleOptions,
  NO_FAULTS,
} from '../../src/metaserver-double/index.ts'

export const SERVICES = '/api/v1/namespaces/shop/services'
export const ALL_SERVICES = '/api/v1/services'
export const SLICES = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices'

export interface Answer {
  readonly code: number
  // biome-ignore lint/suspicious/noExplicitAny: any answer of the API
  readonly body: any
  readonly type: string
}

export interface Event {
  readonly type: string
  readonly object: ApiObject
}

/** A double whose clock stands still, and without faults unless a test asks for them. */
export class RunningMetaServer implements AsyncDisposable {
  readonly store: ObjectStore
  readonly clock: ManualClock
  readonly double: MetaServerDouble

  private constructor(store: ObjectStore, clock: ManualClock, double: MetaServerDouble) {
    this.store = store
    this.clock = clock
    this.double = double
  }

  static async start(
    faults: Partial<Faults> = {},
    options: Partial<MetaServerDoubleOptions> = {},
  ): Promise<RunningMetaServer> {
    const store = new ObjectStore({ admission: false })
    const clock = new ManualClock()
    const all = { ...options, faults: { ...NO_FAULTS, ...faults } }
    return new RunningMetaServer(store, clock, await MetaServerDouble.start(all, { store, clock }))
  }

  async send(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.double.url + path, {
      ...init,
      headers: { connection: 'close', ...init.headers },
    })
    const text = await response.text()
    const type = response.headers.get('content-type') ?? ''
    return { code: response.status, type, body: type.includes('json') ? JSON.parse(text) : text }
  }

  /** Names in a list. */
  async names(path: string): Promise<string[]> {
    const { body } = await this.send(path)
    return body.items.map((item: ApiObject) => item.metadata.name)
  }

  /** Opens a watch that lasts a second, or what `query` says, of the clock. */
  async watch(path: string, query = 'timeoutSeconds=1'): Promise<OpenWatch> {
    const closing = new AbortController()
    const response = await fetch(
      `${this.double.url}${path}${path.includes('?') ? '&' : '?'}watch=1&${query}`,
      {
        headers: { connection: 'close' },
        signal: closing.signal,
      },
    )
    return new OpenWatch(response, closing)
  }

  /** All events of a watch, after a second has passed. */
  async rest(watch: OpenWatch): Promise<string[]> {
    await this.quiet()
    await this.clock.advance(1_000)
    return await watch.end()
  }

  /** Waits until nothing is under way to the node. */
  async quiet(): Promise<void> {
    await vi.waitFor(() => {
      if (this.double.stats.queued > 0) throw new Error(`${this.double.stats.queued} wait`)
    })
  }

  async apply(...objects: readonly object[]): Promise<void> {
    await this.double.apply(objects)
  }

  async remove(name: string, kind = 'Service', apiVersion = 'v1'): Promise<void> {
    await this.double.delete({ apiVersion, kind, namespace: 'shop', name })
  }

  /** Makes the objects known to the node by a watch, which is closed again. */
  async deliver(path: string, ...objects: readonly object[]): Promise<void> {
    await this.apply(...objects)
    const watch = await this.watch(path)
    await this.quiet()
    await watch.close()
    await vi.waitFor(() => {
      if (this.double.stats.watches > 0) throw new Error('still open')
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.double[Symbol.asyncDispose]()
  }
}

export class OpenWatch {
  readonly code: number
  readonly #closing: AbortController
  readonly #reading: Promise<void>
  #text = ''

  constructor(response: Response, closing: AbortController) {
    this.code = response.status
    this.#closing = closing
    this.#reading = this.#read(response)
    // A server that is stopped cuts its watches; who wants to know of it waits for the end.
    this.#reading.catch(() => 'cut')
  }

  get all(): readonly Event[] {
    const lines = this.#text.split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line))
  }

  /** `TYPE name`, so far. */
  get events(): string[] {
    return this.all.map(({ type, object }) => `${type} ${object.metadata.name}`)
  }

  /** The events, after the server ended the watch. */
  async end(): Promise<string[]> {
    await this.#reading
    return this.events
  }

  async until(event: string): Promise<void> {
    await vi.waitFor(() => {
      if (!this.events.includes(event)) throw new Error(`no ${event} in ${this.events.join()}`)
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#reading.catch(() => 'aborted, as was meant')
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) this.#text += decoder.decode(chunk, { stream: true })
  }
}

export function service(name: string, more: Readonly<Record<string, unknown>> = {}): ApiObject {
  const { labels, ...fields } = more
  const metadata = {
    namespace: 'shop',
    name,
    ...(labels === undefined ? {} : { labels }),
  } as ApiObject['metadata']
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: '10.96.0.1' }, ...fields }
}

export function endpoints(name: string, ip = '10.1.0.1'): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { namespace: 'shop', name },
    subsets: [{ addresses: [{ ip }], ports: [{ port: 80 }] }],
  }
}

export function slice(name: string, portName: string): ApiObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'shop', name },
    addressType: 'IPv4',
    ports: [{ name: portName, port: 8080 }],
    endpoints: [{ addresses: ['10.1.0.1'] }, { addresses: ['10.1.0.2'] }],
  }
}

export function pod(name: string): ApiObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'shop', name }, spec: {} }
}
