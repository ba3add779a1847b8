import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { SourceError } from '../errors.ts'

/** Asks a Kubernetes API. Implemented for plain HTTP here and for a kubeconfig by `kubeconfigTransport`. */
export interface Transport {
  /** For people: where the API is. */
  readonly url: string
  /**
   * The answer's body as a byte stream. The caller reads it to its end or aborts.
   *
   * @param path - from the root, with its query
   * @throws {SourceError} when there is no answer, or one that says no
   */
  get(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>>
}

/** What goes with each request besides its path, e.g. certificates; asked anew each time, since tokens change. */
export type RequestSettings = () => Promise<RequestOptions>

const MAX_ERROR_LENGTH = 300

export function httpTransport(url: string, settings: RequestSettings = async () => ({})): Transport {
  return {
    url,
    async get(path, signal) {
      const response = await send(new URL(path, url), { ...(await settings()), signal })
      const { statusCode = 0 } = response
      if (statusCode === 200) return response
      throw new SourceError(`${url}${path} answered ${statusCode}: ${await reasonOf(response)}`, statusCode)
    },
  }
}

function send(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = { ...options.headers, accept: 'application/json' }
  // A connection of its own: a watch holds one for minutes, and lists are rare.
  const sent = request(url, { agent: false, ...options, headers }, resolve)
  sent.on('error', (error: Error) =>
    reject(new SourceError(`${url.origin} can't be reached: ${error.message}`, undefined, { cause: error })),
  )
  sent.end()
  return promise
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
