import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ServerCertificate } from '../../api-double/http/certificate.ts'
import { StatusError } from '../../api-double/status-error.ts'
import type { CloudAnswer } from '../cloud/cloud.ts'
import type { EdgeNode } from '../edge/edge-node.ts'
import type { CompatTraits } from '../faults/compat.ts'
import type { Faults } from '../faults/faults.ts'
import type { MetaServerDoubleOptions } from '../options.ts'
import { collectionPath, type Place, type Resource } from '../resource.ts'
import type { Clock } from '../time/clock.ts'
import type { Random } from '../time/random.ts'
import { authorizeRequest } from './authentication.ts'
import { readText } from './body.ts'
import { formatFor, represent } from './representation.ts'
import { type Route, routeOf } from './route.ts'
import { serveWatch } from './watch.ts'

export interface HttpSurfaceParts {
  readonly node: EdgeNode
  readonly clock: Clock
  readonly random: Random
  readonly faults: Readonly<Faults>
  readonly traits: CompatTraits
  readonly options: MetaServerDoubleOptions
  readonly isDenied: (resource: Resource) => boolean
  /** For HTTPS; HTTP without. */
  readonly certificate: ServerCertificate | undefined
}

/** MetaServer's HTTP: routes, forms of answers, secure mode. Can stop listening and start again at the same port. */
export class HttpSurface implements AsyncDisposable {
  readonly #parts: HttpSurfaceParts
  #server: Server | undefined
  #port: number

  constructor(parts: HttpSurfaceParts) {
    this.#parts = parts
    this.#port = parts.options.port
  }

  get isListening(): boolean {
    return this.#server !== undefined
  }

  /** Base URL, without a slash at the end; the same before and after a restart. */
  get url(): string {
    const { certificate, options } = this.#parts
    const host = options.host.includes(':') ? `[${options.host}]` : options.host
    return `${certificate === undefined ? 'http' : 'https'}://${host}:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  async listen(): Promise<void> {
    const { certificate, options } = this.#parts
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((error: unknown) => sendError(response, error))
    }
    const server =
      certificate === undefined
        ? createServer(listener)
        : createTlsServer({ key: certificate.key, cert: certificate.certificate }, listener)
    this.#server = server
    server.listen(this.#port, options.host)
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
  }

  /** Cuts every connection and listens no more. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { traits } = this.#parts
    const { method = 'GET', url: path = '/' } = request
    const url = new URL(path, 'http://metaserver')
    const route = routeOf(method, url.pathname, { query: url.searchParams, traits })
    const place = 'place' in route ? route.place : undefined
    authorizeRequest(request, { path: url.pathname, place }, this.#parts)
    const format = formatFor(request.headers.accept)
    if (route.verb === 'watch') {
      await serveWatch({ place: route.place, path, query: url.searchParams, format }, response, this.#parts)
      return
    }
    send(response, represent(await this.#route(route, request, url), format))
  }

  async #route(
    route: Exclude<Route, { readonly verb: 'watch' }>,
    request: IncomingMessage,
    { pathname, search, searchParams: query }: URL,
  ): Promise<CloudAnswer> {
    const { node } = this.#parts
    const path = pathname + search
    switch (route.verb) {
      case 'get':
        return await node.get({ place: route.place, path, query })
      case 'list':
        return await node.list({ place: route.place, path: listPath(route.place, query), query })
      case 'forward':
        return await node.forward(await writeOf(request, path))
      case 'delete-collection':
        throw new StatusError('InternalError', 'unsupported req verb')
      case 'pass-through':
        return (await node.passThrough(pathname)) ?? nothingCached(pathname)
      default:
        throw new StatusError('InternalError', `request[${pathname}::${verbOf(request)}] isn't supported`)
    }
  }
}

/** The plain form of a list; one of a single object comes from the deprecated form of a watch. */
function listPath(place: Place, query: URLSearchParams): string {
  const asked = new URLSearchParams(query)
  if (place.name !== undefined) asked.set('fieldSelector', `metadata.name=${place.name}`)
  return collectionPath(place) + (asked.size === 0 ? '' : `?${asked}`)
}

async function writeOf(
  request: IncomingMessage,
  path: string,
): Promise<{ method: string; path: string; contentType: string | undefined; body: string | undefined }> {
  const text = await readText(request)
  const { method = 'GET' } = request
  return { method, path, contentType: request.headers['content-type'], body: text === '' ? undefined : text }
}

function verbOf({ method = 'GET' }: IncomingMessage): string {
  return method.toLowerCase()
}

function nothingCached(path: string): CloudAnswer {
  return { code: 500, contentType: 'text/plain; charset=utf-8', text: `${path} not found\n` }
}

function send(response: ServerResponse, { code, contentType, text }: CloudAnswer): void {
  response.writeHead(code, { 'content-type': contentType }).end(text)
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status } =
    error instanceof StatusError ? error : new StatusError('InternalError', String(error), { cause: error })
  send(response, { code: status.code, contentType: 'application/json', text: JSON.stringify(status) })
}
