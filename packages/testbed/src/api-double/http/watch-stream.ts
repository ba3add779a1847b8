import type { ServerResponse } from 'node:http'
import type { ApiObject, Collection, WatchEvent, Watcher } from '../api-object.ts'
import type { ApiBackend } from '../backend.ts'
import { apiVersionOf } from '../kinds.ts'
import { type Selector, selectorOf } from '../selectors.ts'
import { StatusError } from '../status-error.ts'
import type { Representation } from './representation.ts'

/** As kube-apiserver's `--min-request-timeout`. */
const DEFAULT_TIMEOUT_SECONDS = 1_800
/** About as often as kube-apiserver's. */
const BOOKMARK_INTERVAL_MS = 60_000
/** A reader that stops is cut off, as kube-apiserver does with a watcher whose queue is full. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
/** Timers take no more (2^31 - 1 ms). */
const MAX_TIMEOUT_SECONDS = 2_147_483

export interface WatchRequest {
  readonly target: Collection
  readonly query: URLSearchParams
  readonly representation: Representation
}

/** One open WATCH: a JSON line per event, a clean end after `timeoutSeconds`. */
export class WatchStream implements Watcher {
  readonly #response: ServerResponse
  readonly #request: WatchRequest
  readonly #backend: ApiBackend
  readonly #selector: Selector | undefined
  /** What it starts with waits beside that, however much it is. */
  #maxWaitingBytes = Number.POSITIVE_INFINITY
  #isClosed = false

  private constructor(backend: ApiBackend, request: WatchRequest, response: ServerResponse) {
    this.#backend = backend
    this.#request = request
    this.#response = response
    this.#selector = selectorOf(request.query, request.target.kind)
  }

  /**
   * Answers a WATCH request. A version that is too old is told as an ERROR event, as kube-apiserver does.
   *
   * @throws {StatusError} `BadRequest` when the request's parameters make no sense
   */
  static open(backend: ApiBackend, request: WatchRequest, response: ServerResponse): void {
    const { query } = request
    const since = readNumber(query, 'resourceVersion')
    const timeoutSeconds = readNumber(query, 'timeoutSeconds') || DEFAULT_TIMEOUT_SECONDS
    const stream = new WatchStream(backend, request, response)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    stream.#follow(since, Math.min(timeoutSeconds, MAX_TIMEOUT_SECONDS))
  }

  #follow(since: number | undefined, timeoutSeconds: number): void {
    const { query, target } = this.#request
    const initial = query.get('sendInitialEvents') === 'true'
    try {
      // Version 0 means "any state": all objects, as without a version.
      const subscription = this.#backend.watch(target, since === 0 || initial ? undefined : since, this)
      this.#maxWaitingBytes = this.#response.writableLength + MAX_WAITING_BYTES
      const wantsBookmarks = query.get('allowWatchBookmarks') === 'true'
      if (initial && wantsBookmarks) this.#bookmark({ 'k8s.io/initial-events-end': 'true' })
      const bookmarks = wantsBookmarks ? setInterval(() => this.#bookmark(), BOOKMARK_INTERVAL_MS) : undefined
      const end = setTimeout(() => {
        if (wantsBookmarks) this.#bookmark()
        subscription[Symbol.dispose]()
        this.#response.end()
      }, timeoutSeconds * 1000)
      this.#response.once('close', () => {
        this.#isClosed = true
        clearTimeout(end)
        clearInterval(bookmarks)
        subscription[Symbol.dispose]()
      })
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      this.#fail(error)
    }
  }

  onEvent(event: WatchEvent): void {
    const selected = this.#selector === undefined ? event : selectEvent(event, this.#selector)
    if (selected === undefined) return
    const { type, object } = selected
    this.#send({ type, object: this.#request.representation.ofEvent(object) })
  }

  onExpired(): void {
    this.#fail(new StatusError('Expired', 'the history of this collection was replaced'))
  }

  /** Tells the version up to which the reader knows everything. */
  #bookmark(annotations?: Readonly<Record<string, string>>): void {
    const { kind } = this.#request.target
    const { resourceVersion } = this.#backend.list(this.#request.target)
    if (resourceVersion === undefined) return
    const metadata = {
      resourceVersion,
      creationTimestamp: null,
      ...(annotations === undefined ? {} : { annotations }),
    }
    this.#send({ type: 'BOOKMARK', object: { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata } })
  }

  #fail(error: StatusError): void {
    this.#send({ type: 'ERROR', object: error.status })
    this.#response.end()
  }

  #send(event: { readonly type: string; readonly object: unknown }): void {
    if (this.#isClosed || this.#response.writableEnded) return
    this.#response.write(`${JSON.stringify(event)}\n`)
    if (this.#response.writableLength > this.#maxWaitingBytes) this.#response.destroy()
  }
}

/** The event as a selecting reader sees it: objects come and go with what is selected, not with their life. */
function selectEvent(event: WatchEvent, selector: Selector): WatchEvent | undefined {
  const { type, object, previous } = event
  const was = type !== 'ADDED' && previous !== undefined && selector(previous)
  const is = type !== 'DELETED' && selector(object)
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object }
  return was ? { type: 'DELETED', object: previousAt(event) } : undefined
}

/** The object as it was last selected, under the version of the change that it no longer is. */
function previousAt({ object, previous }: WatchEvent): ApiObject {
  const before = previous ?? object
  const { resourceVersion = '' } = object.metadata
  return { ...before, metadata: { ...before.metadata, resourceVersion } }
}

/** @throws {StatusError} `BadRequest` when the parameter is there and no number */
export function readNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^\d+$/.test(text)) throw new StatusError('BadRequest', `${name} is not a number: ${text}`)
  return Number(text)
}
