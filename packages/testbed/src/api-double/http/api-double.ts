import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type ApiObject, objectKey } from '../api-object.ts'
import type { ApiBackend } from '../backend.ts'
import { discover } from '../discovery/discovery.ts'
import { OPENAPI_V2_CONTENT_TYPE, openApiV2, openApiV2Protobuf } from '../discovery/openapi-v2.ts'
import { openApiV3 } from '../discovery/openapi-v3.ts'
import { selectorOf } from '../selectors.ts'
import { StatusError } from '../status-error.ts'
import { authorize } from './authorization.ts'
import type { ServerCertificate } from './certificate.ts'
import { ListPages } from './list-pages.ts'
import { Representation } from './representation.ts'
import { isObjectRef, parseRequestTarget, type RequestTarget } from './request-target.ts'
import { readScale } from './scale.ts'
import { readNumber, WatchStream } from './watch-stream.ts'
import { Writes } from './writes.ts'

export interface ApiDoubleOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Speaks HTTPS with it; HTTP unless given. */
  readonly certificate?: ServerCertificate | undefined
}

export const DEFAULT_API_DOUBLE_OPTIONS: ApiDoubleOptions = { host: '127.0.0.1', port: 0 }

/**
 * An HTTP server that speaks Kubernetes' API: discovery, OpenAPI, reads, writes and watches. What the objects are and
 * where writes go is its backend's affair, which outlives it.
 */
export class ApiDouble implements AsyncDisposable {
  readonly #backend: ApiBackend
  readonly #server: Server
  readonly #pages = new ListPages()
  readonly #writes: Writes

  readonly #scheme: 'http' | 'https'

  private constructor(backend: ApiBackend, certificate: ServerCertificate | undefined) {
    this.#backend = backend
    this.#writes = new Writes(backend)
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((error: unknown) => sendError(response, error))
    }
    this.#scheme = certificate === undefined ? 'http' : 'https'
    this.#server =
      certificate === undefined
        ? createServer(listener)
        : createTlsServer({ key: certificate.key, cert: certificate.certificate }, listener)
  }

  static async start(backend: ApiBackend, options: Partial<ApiDoubleOptions> = {}): Promise<ApiDouble> {
    const { host, port, certificate } = { ...DEFAULT_API_DOUBLE_OPTIONS, ...options }
    const double = new ApiDouble(backend, certificate)
    double.#server.listen(port, host)
    await once(double.#server, 'listening')
    return double
  }

  /** Base URL, without a slash at the end. */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo
    return `${this.#scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
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
    const url = URL.parse(request.url ?? '/', 'http://api-double')
    if (url === null) throw new StatusError('BadRequest', `no path: ${request.url}`)
    const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname
    if (request.method === 'GET' && this.#describe(path, request, response)) return
    const target = parseRequestTarget(path, this.#backend.kinds)
    authorize(this.#backend, request, target)
    if (request.method === 'GET') {
      this.#read({ target, query: url.searchParams, accept: request.headers.accept }, response)
      return
    }
    const written = await this.#writes.handle(request, target, url.searchParams)
    for (const warning of written.warnings)
      response.appendHeader('warning', `299 - ${JSON.stringify(warning)}`)
    const body = written.isStatus
      ? written.body
      : new Representation(request.headers.accept, target.kind).ofObject(written.body)
    sendJson(response, written.code, body)
  }

  /** @returns whether the path was one that describes the server */
  #describe(path: string, { headers }: IncomingMessage, response: ServerResponse): boolean {
    const { kinds } = this.#backend
    if (['/healthz', '/livez', '/readyz'].includes(path)) {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok')
      return true
    }
    if (path === '/openapi/v2' && headers.accept?.includes('protobuf') === true) {
      response.writeHead(200, { 'content-type': OPENAPI_V2_CONTENT_TYPE }).end(openApiV2Protobuf(kinds))
      return true
    }
    const body = path === '/openapi/v2' ? openApiV2(kinds) : (openApiV3(path, kinds) ?? discover(path, kinds))
    if (body !== undefined) sendJson(response, 200, body)
    return body !== undefined
  }

  #read({ target, query, accept }: ReadRequest, response: ServerResponse): void {
    const representation = new Representation(accept, target.kind)
    const isWatch = ['1', 'true'].includes(query.get('watch') ?? '')
    if (isObjectRef(target)) {
      const object = this.#backend.get(target)
      sendJson(
        response,
        200,
        target.subresource === 'scale' ? readScale(object) : representation.ofObject(object),
      )
    } else if (isWatch) WatchStream.open(this.#backend, { target, query, representation }, response)
    else sendJson(response, 200, representation.ofPage(this.#page(target, query)))
  }

  #page(target: Exclude<RequestTarget, { readonly name: string }>, query: URLSearchParams) {
    const limit = readNumber(query, 'limit')
    const token = query.get('continue') ?? ''
    if (token !== '') return this.#pages.next(token, { target, limit })
    const { resourceVersion, items } = this.#backend.list(target)
    refuseOtherVersion(query, resourceVersion)
    const selector = selectorOf(query, target.kind)
    const selected = selector === undefined ? items : items.filter(selector)
    return this.#pages.first({ resourceVersion, items: selected.toSorted(byKey) }, { target, limit })
  }
}

interface ReadRequest {
  readonly target: RequestTarget
  readonly query: URLSearchParams
  readonly accept: string | undefined
}

/** The order of etcd, and so of kube-apiserver's lists. */
function byKey(one: ApiObject, other: ApiObject): number {
  const [first, second] = [objectKey(one.metadata), objectKey(other.metadata)]
  return first < second ? -1 : first > second ? 1 : 0
}

/** Lists are of now; a version that has not come yet, or of which nothing is kept, can't be listed. */
function refuseOtherVersion(query: URLSearchParams, current: string | undefined): void {
  const wanted = readNumber(query, 'resourceVersion')
  if (wanted === undefined && (query.get('resourceVersionMatch') ?? '') !== '')
    throw new StatusError('Invalid', 'resourceVersionMatch is forbidden unless resourceVersion is provided')
  if (wanted === undefined || wanted === 0 || current === undefined) return
  if (wanted > Number(current))
    throw new StatusError('Timeout', `Too large resource version: ${wanted}, current: ${current}`)
  if (query.get('resourceVersionMatch') === 'Exact' && wanted !== Number(current))
    throw new StatusError('Expired', `The resourceVersion for the provided list is too old: ${wanted}`)
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
