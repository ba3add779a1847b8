import type { ServerResponse } from 'node:http'
import type { Collection, WatchEvent, Watcher } from './api-object.ts'
import type { ApiBackend } from './backend.ts'
import { type Status, StatusError } from './status-error.ts'

/** As kube-apiserver's `--min-request-timeout`. */
const DEFAULT_TIMEOUT_SECONDS = 1_800

/** One open WATCH: a JSON line per event, a clean end after `timeoutSeconds`. */
export class WatchStream implements Watcher {
  readonly #response: ServerResponse

  private constructor(response: ServerResponse) {
    this.#response = response
  }

  /**
   * Answers a WATCH request. A version that is too old is told as an ERROR event, as kube-apiserver does.
   *
   * @throws {StatusError} `BadRequest` when the request's parameters make no sense
   */
  static open(
    backend: ApiBackend,
    { target, query }: { readonly target: Collection; readonly query: URLSearchParams },
    response: ServerResponse,
  ): void {
    const since = readNumber(query, 'resourceVersion')
    const timeoutSeconds = readNumber(query, 'timeoutSeconds') ?? DEFAULT_TIMEOUT_SECONDS
    const stream = new WatchStream(response)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    try {
      // Version 0 means "any state": all objects, as without a version.
      const subscription = backend.watch(target, since === 0 ? undefined : since, stream)
      const end = setTimeout(() => {
        subscription[Symbol.dispose]()
        response.end()
      }, timeoutSeconds * 1000)
      response.once('close', () => {
        clearTimeout(end)
        subscription[Symbol.dispose]()
      })
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      stream.#fail(error)
    }
  }

  onEvent(event: WatchEvent): void {
    this.#send(event)
  }

  onExpired(): void {
    this.#fail(new StatusError('Expired', 'the history of this collection was replaced'))
  }

  #fail(error: StatusError): void {
    this.#send({ type: 'ERROR', object: error.status })
    this.#response.end()
  }

  #send(event: WatchEvent | { readonly type: 'ERROR'; readonly object: Status }): void {
    this.#response.write(`${JSON.stringify(event)}\n`)
  }
}

function readNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^\d+$/.test(text)) throw new StatusError('BadRequest', `${name} is not a number: ${text}`)
  return Number(text)
}
