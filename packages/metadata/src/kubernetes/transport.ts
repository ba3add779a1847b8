import { addAbortListener } from 'node:events'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { SourceError } from '../errors.ts'
import { parseJson } from './json-lines.ts'

/** Asks a Kubernetes API. Implemented here; `clusterAccess` makes one with certificates and tokens. */
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

/** A Transport that writes, too. */
export interface WritingTransport extends Transport {
  /**
   * Writes an object.
   *
   * @returns the object as it is then
   * @throws {SourceError} when there is no answer, or one that says no
   */
  send(method: 'POST' | 'PUT', request: WriteRequest): Promise<unknown>
}

export interface WriteRequest {
  /** From the root. */
  readonly path: string
  readonly object: unknown
  readonly signal: AbortSignal
}

/** What goes with each request besides its path, e.g. certificates; asked anew each time, since tokens change. */
export type RequestSettings = () => Promise<RequestOptions>

const PROTOCOLS: ReadonlySet<string | undefined> = new Set(['http:', 'https:'])
const MAX_ERROR_LENGTH = 300
/** Of a body that says why: a Status is far shorter. */
const MAX_ERROR_BODY_BYTES = 64 * 1_024
/** TCP keep-alive: a silent watch over a dead link ends after minutes, not never. */
const KEEP_ALIVE_MS = 30_000

/** @throws {SourceError} when `url` is none of HTTP or HTTPS */
export function httpTransport(url: string, settings: RequestSettings = async () => ({})): WritingTransport {
  if (!PROTOCOLS.has(URL.parse(url)?.protocol))
    throw new SourceError(`"${url}" is not the URL of an API server`)
  return new HttpTransport(url, settings)
}

class HttpTransport implements WritingTransport {
  readonly url: string
  readonly #base: string
  readonly #settings: RequestSettings

  constructor(url: string, settings: RequestSettings) {
    this.url = url
    this.#base = url.replace(/\/$/, '')
    this.#settings = settings
  }

  async get(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    return guarded(await this.#request(path, { signal }), { url: this.url, signal })
  }

  async send(method: 'POST' | 'PUT', { path, object, signal }: WriteRequest): Promise<unknown> {
    const response = await this.#request(path, { method, signal }, JSON.stringify(object))
    const chunks = await Array.fromAsync(guarded(response, { url: this.url, signal }))
    return parseJson(Buffer.concat(chunks).toString('utf8'))
  }

  async #request(
    path: string,
    options: { readonly method?: string; readonly signal: AbortSignal },
    body?: string,
  ): Promise<IncomingMessage> {
    try {
      const settings = await unlessAborted(this.#settings(), options.signal)
      const response = await send(new URL(this.#base + path), { ...settings, ...options }, body)
      const { statusCode = 0 } = response
      if (statusCode === 200 || statusCode === 201) return response
      throw new SourceError(
        `${this.#base}${path} answered ${statusCode}: ${await reasonOf(response)}`,
        statusCode,
      )
    } catch (error) {
      throw asSourceError(error, { url: this.url, signal: options.signal })
    }
  }
}

async function send(url: URL, options: RequestOptions, body?: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const headers = { ...options.headers, accept: 'application/json', ...type }
  // A connection of its own: a watch holds one for minutes, and lists are rare.
  const sent = request(url, { agent: false, ...options, headers }, resolve)
  sent.setSocketKeepAlive(true, KEEP_ALIVE_MS)
  sent.on('error', reject)
  sent.end(body)
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

/** @throws the signal's reason when it aborts first; the work itself goes on unheard */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const aborted = Promise.withResolvers<never>()
  using _ = addAbortListener(signal, () => aborted.reject(signal.reason))
  return await Promise.race([work, aborted.promise])
}

/** The message of a Status body, or the body's beginning; not more than a log line needs. */
async function reasonOf(response: IncomingMessage): Promise<string> {
  const body = await beginningOf(response)
  try {
    const { message } = JSON.parse(body) as { readonly message?: unknown }
    if (typeof message === 'string') return message.slice(0, MAX_ERROR_LENGTH)
  } catch {
    // Not every answer comes from an API server; a proxy's words are shown as they are.
  }
  return body.slice(0, MAX_ERROR_LENGTH)
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  const read: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      read.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_ERROR_BODY_BYTES) break
    }
  } catch {
    // The status says what matters, however the words break off.
  }
  return Buffer.concat(read).toString('utf8')
}
