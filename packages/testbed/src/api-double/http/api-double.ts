import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ApiObject, ObjectRef } from './api-object.ts'
import type { ApiBackend } from './backend.ts'
import { apiVersionOf } from './kinds.ts'
import { readObject } from './request-body.ts'
import { isObjectRef, parseRequestTarget, type RequestTarget } from './request-target.ts'
import { StatusError } from './status-error.ts'
import { WatchStream } from './watch-stream.ts'

export interface ApiDoubleOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

export const DEFAULT_API_DOUBLE_OPTIONS: ApiDoubleOptions = { host: '127.0.0.1', port: 0 }

/**
 * An HTTP server that speaks Kubernetes' API for the kinds of `kinds.ts`: GET, LIST, WATCH, POST, PUT and DELETE. What
 * the objects are and where writes go is its backend's affair, which outlives it.
 */
export class ApiDouble implements AsyncDisposable {
  readonly #backend: ApiBackend
  readonly #server: Server

  private constructor(backend: ApiBackend) {
    this.#backend = backend
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => sendError(response, error))
    })
  }

  static async start(backend: ApiBackend, options: Partial<ApiDoubleOptions> = {}): Promise<ApiDouble> {
    const { host, port } = { ...DEFAULT_API_DOUBLE_OPTIONS, ...options }
    const double = new ApiDouble(backend)
    double.#server.listen(port, host)
    await once(double.#server, 'listening')
    return double
  }

  /** Base URL, without a slash at the end. */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Cuts every connection, open watches included, as a lost link does. */
  cutConnections(): void {
    this.#server.closeAllConnections()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api-double')
    const target = parseRequestTarget(url.pathname)
    if (request.method !== 'GET') {
      const [code, body] = await this.#write(request, target)
      sendJson(response, code, body)
    } else if (isObjectRef(target)) sendJson(response, 200, this.#backend.get(target))
    else this.#read(target, url.searchParams, response)
  }

  #read(target: RequestTarget, query: URLSearchParams, response: ServerResponse): void {
    for (const selector of ['labelSelector', 'fieldSelector']) {
      if (query.get(selector)) throw new StatusError('BadRequest', `${selector} is not supported`)
    }
    if (['1', 'true'].includes(query.get('watch') ?? '')) {
      WatchStream.open(this.#backend, { target, query }, response)
      return
    }
    const { resourceVersion, items } = this.#backend.list(target)
    sendJson(response, 200, {
      kind: `${target.kind.kind}List`,
      apiVersion: apiVersionOf(target.kind),
      ...(resourceVersion === undefined ? {} : { metadata: { resourceVersion } }),
      items,
    })
  }

  async #write(request: IncomingMessage, target: RequestTarget): Promise<[number, ApiObject]> {
    const { method } = request
    if (method === 'POST' && !isObjectRef(target)) {
      const object = await readObject(request, target)
      const ref: ObjectRef = { ...target, name: object.metadata.name }
      return [201, await this.#backend.create(ref, object)]
    }
    if (method === 'PUT' && isObjectRef(target)) {
      return [200, await this.#backend.replace(target, await readObject(request, target))]
    }
    if (method === 'DELETE' && isObjectRef(target)) return [200, await this.#backend.delete(target)]
    throw new StatusError('MethodNotAllowed', `${method} is not allowed here`)
  }
}

function sendJson(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function sendError(response: ServerResponse, error: unknown): void {
  const status =
    error instanceof StatusError ? error : new StatusError('InternalError', String(error), { cause: error })
  if (response.headersSent) response.destroy()
  else sendJson(response, status.httpCode, status.status)
}
