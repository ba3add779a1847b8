import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { SourceError } from '../errors.ts'

/** Asks a Kubernetes API. Implemented for plain HTTP here and for a kubeconfig by `kubeconfigTransport`. */
export interface Transport {
  /** For people: where the API is. */
  readonly url: string
  /**
   * The answer's body as a byte stream. The caller reads it to its end, leaves it or aborts.
   *
   * @param path - from the root, with its query
   * @throws {SourceError} when there is no answer, or one that says no; so does the stream when it breaks
   */
  get(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>>
}

/** What goes with each request besides its path, e.g. certificates; asked anew each time, since tokens change. */
export type RequestSettings = () => Promise<RequestOptions>

const MAX_ERROR_LENGTH = 300
/** TCP keep-alive: a silent watch over a dead link ends after minutes, not never. */
const KEEP_ALIVE_MS = 30_000

/** @throws {SourceError} when `url` is none */
export function httpTransport(url: string, settings: RequestSettings = async () => ({})): Transport {
  if (!URL.canParse(url)) throw new SourceError(`"${url}" is not the URL of an API server`)
  const base = url.replace(/\/$/, '')
  return {
    url,
    async get(path, signal) {
      try {
        const response = await send(new URL(base + path), { ...(await settings()), signal })
        const { statusCode = 0 } = response
        if (statusCode === 200) return guarded(response, { url, signal })
        throw new SourceError(
          `${base}${path} answered ${statusCode}: ${await reasonOf(response)}`,
          statusCode,
        )
      } catch (error) {
        throw asSourceError(error, { url, signal })
      }
    },
  }
}

async function send(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = { ...options.headers, accept: 'application/json' }
  // A connection of its own: a watch holds one for minutes, and lists are rare.
  const sent = request(url, { agent: false, ...options, headers }, resolve)
  sent.setSocketKeepAlive(true, KEEP_ALIVE_MS)
  sent.on('error', reject)
  sent.end()
  return await promise
}

interface Asked {
  readonly url: string
  readonly signal: AbortSignal
}

async function* guarded(response: IncomingMessage, asked: Asked): AsyncGenerator<Buffer> {
  try {
    yield* response
  } catch (error) {
    throw asSourceError(error, asked)
  }
}

function asSourceError(error: unknown, { url, signal }: Asked): SourceError {
  if (error instanceof SourceError) return error
  const cause: unknown = signal.aborted ? signal.reason : error
  const why = cause instanceof Error ? cause.message || cause.name : String(cause)
  return new SourceError(`${url} can't be asked: ${why}`, undefined, { cause })
}

/** The message of a Status body, or the body's beginning. */
async function reasonOf(response: IncomingMessage): Promise<string> {
  const body = await text(response)
  try {
    const { message } = JSON.parse(body) as { readonly message?: unknown }
    if (typeof message === 'string') return message
  } catch {
    // Not every answer comes from an API server; a proxy's words are shown as they are.
  }
  return body.slice(0, MAX_ERROR_LENGTH)
}
