import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Component, Logger, StatusPage } from '@edgeway/core'
import type { PrometheusMetrics } from './metrics.ts'
import type { ReadinessGates } from './readiness.ts'
import { redactSecrets } from './redact.ts'
import type { StatusSections } from './status.ts'

export interface AdminOptions {
  /** Address to listen on. */
  readonly host: string
  /** TCP port; 0 lets the kernel choose. */
  readonly port: number
}

export interface AdminDeps {
  readonly readiness: ReadinessGates
  readonly metrics: PrometheusMetrics
  readonly status: StatusSections
  readonly logger: Logger
  /** The effective config; shown by /configz without its secrets. */
  readonly config: unknown
  onFatal(error: Error): void
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Far more than probes and scrapers need; what else comes is cut off before it costs file descriptors and memory. */
const MAX_CONNECTIONS = 100
/** For a request to come in, and for a silent or stuck client: nobody holds a connection for nothing. */
const CLIENT_TIMEOUT_MS = 5_000

const TEXT = 'text/plain; charset=utf-8'

/**
 * What operators and the kubelet ask a process: /livez (it answers), /readyz (each gate, 503 while one is shut),
 * /metrics (Prometheus' text format), /statusz (what each component tells of itself), /configz (the effective config),
 * and the pages of components.
 */
export class AdminServer implements Component {
  readonly #server: Server
  readonly #deps: AdminDeps
  readonly #routes: ReadonlyMap<string, () => Answer | Promise<Answer>>
  #closed: Promise<void> | undefined

  private constructor(deps: AdminDeps) {
    this.#deps = deps
    this.#routes = new Map<string, () => Answer | Promise<Answer>>([
      ['/livez', () => ({ status: 200, type: TEXT, body: 'ok\n' })],
      ['/readyz', () => readyz(deps.readiness)],
      [
        '/metrics',
        async () => ({ status: 200, type: deps.metrics.contentType, body: await deps.metrics.text() }),
      ],
      ['/statusz', () => json(deps.status.read())],
      ['/configz', () => json(redactSecrets(deps.config))],
    ])
    const limits = {
      headersTimeout: CLIENT_TIMEOUT_MS,
      requestTimeout: CLIENT_TIMEOUT_MS,
      connectionsCheckingInterval: CLIENT_TIMEOUT_MS,
    }
    this.#server = createServer(limits, (request, response) => void this.#serve(request, response))
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.timeout = CLIENT_TIMEOUT_MS
  }

  static async start(options: AdminOptions, deps: AdminDeps): Promise<AdminServer> {
    const admin = new AdminServer(deps)
    admin.#server.listen(options.port, options.host)
    await once(admin.#server, 'listening')
    admin.#server.on('error', deps.onFatal)
    deps.logger.info('admin server listens', { ...admin.address })
    return admin
  }

  /** Where it listens; `port` is the real one when 0 was asked for. */
  get address(): AdminOptions {
    const bound = this.#server.address()
    if (bound === null || typeof bound === 'string') throw new Error('the admin server does not listen')
    return { host: bound.address, port: bound.port }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    await this.#closed
  }

  async #close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body, headers } = await this.#answer(request)
    response.writeHead(status, {
      ...headers,
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  async #answer({ method, url = '/' }: IncomingMessage): Promise<Answer> {
    if (method !== 'GET' && method !== 'HEAD')
      return { status: 405, type: TEXT, body: 'only GET and HEAD\n', headers: { allow: 'GET, HEAD' } }
    const [path = '/'] = url.split('?')
    const page = this.#deps.status.pages.get(path.slice(1))
    const route = page === undefined ? this.#routes.get(path) : () => pageAnswer(page, url)
    if (route === undefined) return this.#notFound()
    try {
      return await route()
    } catch (error) {
      this.#deps.logger.error('admin request failed', { path, error })
      return { status: 500, type: TEXT, body: 'internal error, see the log\n' }
    }
  }

  #notFound(): Answer {
    const pages = [...this.#deps.status.pages.keys()].map((name) => `/${name}`)
    const paths = [...this.#routes.keys(), ...pages].join(' ')
    return { status: 404, type: TEXT, body: `not found; there are ${paths}\n` }
  }
}

async function pageAnswer(page: StatusPage, url: string): Promise<Answer> {
  const parameters = [...new URL(url, 'http://admin').searchParams]
  const names = new Set(parameters.map(([name]) => name))
  if (names.size < parameters.length)
    return { status: 400, type: TEXT, body: 'each parameter may be given once\n' }
  const answer = await page(Object.fromEntries(parameters))
  if (answer.kind === 'found') return json(answer.value)
  return { status: 400, type: TEXT, body: `${answer.problem}\n` }
}

/** One line per gate, as Kubernetes' own /readyz: `[+]` open, `[-]` shut and why. */
function readyz(readiness: ReadinessGates): Answer {
  const lines = readiness
    .states()
    .map(({ name, shut }) => (shut === undefined ? `[+]${name}` : `[-]${name}: ${shut}`))
  const verdict = readiness.ready ? 'ready' : 'not ready'
  return { status: readiness.ready ? 200 : 503, type: TEXT, body: `${[...lines, verdict].join('\n')}\n` }
}

function json(value: unknown): Answer {
  return {
    status: 200,
    type: 'application/json; charset=utf-8',
    body: `${JSON.stringify(value, null, 2)}\n`,
  }
}
