import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { type ApiObject, type Collection, isApiObject, type ObjectRef } from './api-object.ts'
import type { ApiBackend } from './backend.ts'
import { apiVersionOf } from './kinds.ts'
import { routeOf } from './route.ts'
import { StatusError } from './status-error.ts'

/** How long a watch lasts that names no `timeoutSeconds`; kube-apiserver takes 30 to 60 minutes. */
const DEFAULT_WATCH_SECONDS = 1_800
const MILLISECONDS = 1_000

/** Kubernetes' API over HTTP, in front of a backend. */
export class ApiServer implements AsyncDisposable {
  readonly #server: Server
  readonly #backend: ApiBackend

  private constructor(backend: ApiBackend) {
    this.#backend = backend
    this.#server = createServer((request, response) => void this.#serve(request, response))
    this.#server.requestTimeout = 0
  }

  static async start(
    listen: { readonly host: string; readonly port: number },
    backend: ApiBackend,
  ): Promise<ApiServer> {
    const api = new ApiServer(backend)
    api.#server.listen(listen)
    await once(api.#server, 'listening')
    return api
  }

  get port(): number {
    const address = this.#server.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#answer(request, response)
    } catch (error) {
      const failure = error instanceof StatusError ? error : new StatusError('InternalError', String(error))
      if (!response.headersSent) sendJson(response, failure.httpCode, failure.status)
      else response.destroy()
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET' } = request
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api')
    const route = routeOf(pathname)
    if (route === undefined) throw new StatusError('NotFound', `the server has no resource at ${pathname}`)
    if (route.target === 'object') return this.#answerObject(route.ref, method, { request, response })
    const { collection } = route
    if (method === 'POST') return this.#create(collection, { request, response })
    if (method !== 'GET')
      throw new StatusError('MethodNotAllowed', `${method} is not possible on a collection`)
    const isWatch = ['1', 'true'].includes(searchParams.get('watch') ?? '')
    if (isWatch) return this.#watch(collection, searchParams, response)
    sendJson(response, 200, this.#list(collection))
  }

  async #answerObject(ref: ObjectRef, method: string, exchange: Exchange): Promise<void> {
    const { request, response } = exchange
    if (method === 'GET') return sendJson(response, 200, this.#backend.get(ref))
    if (method === 'PUT')
      return sendJson(response, 200, await this.#backend.replace(ref, await readObject(request)))
    if (method === 'DELETE') return sendJson(response, 200, await this.#backend.delete(ref))
    throw new StatusError('MethodNotAllowed', `${method} is not possible on an object`)
  }

  async #create({ kind, namespace }: Collection, { request, response }: Exchange): Promise<void> {
    const object = await readObject(request)
    const place = kind.namespaced ? (namespace ?? object.metadata.namespace ?? 'default') : undefined
    const created = await this.#backend.create({ kind, namespace: place, name: object.metadata.name }, object)
    sendJson(response, 201, created)
  }

  #list(collection: Collection): unknown {
    const { resourceVersion, items } = this.#backend.list(collection)
    const { kind } = collection
    const type = { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind) }
    return resourceVersion === undefined
      ? { ...type, items }
      : { ...type, metadata: { resourceVersion }, items }
  }

  #watch(collection: Collection, query: URLSearchParams, response: ServerResponse): void {
    const version = query.get('resourceVersion') ?? ''
    const since = version === '' || version === '0' ? undefined : Number(version)
    const write = (type: string, object: unknown): void => {
      response.write(`${JSON.stringify({ type, object })}\n`)
    }
    const expired = (): void => {
      write('ERROR', new StatusError('Expired', 'too old resource version').status)
      response.end()
    }
    // Headers go out only after the backend has accepted the version: an expired one is a plain 410.
    const replayed: [string, unknown][] = []
    let live = false
    const subscription = this.#backend.watch(collection, since, {
      onEvent: ({ type, object }) => (live ? write(type, object) : replayed.push([type, object])),
      onExpired: expired,
    })
    live = true
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    for (const [type, object] of replayed) write(type, object)
    const seconds = Number(query.get('timeoutSeconds') ?? DEFAULT_WATCH_SECONDS)
    const timer = setTimeout(() => response.end(), seconds * MILLISECONDS)
    response.once('close', () => {
      clearTimeout(timer)
      subscription[Symbol.dispose]()
    })
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

async function readObject(request: IncomingMessage): Promise<ApiObject> {
  const value: unknown = parseJson(await text(request))
  if (isApiObject(value)) return value
  throw new StatusError('BadRequest', 'the body is no object with apiVersion, kind and metadata.name')
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new StatusError('BadRequest', `the body is no JSON: ${String(error)}`, { cause: error })
  }
}

function sendJson(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}
