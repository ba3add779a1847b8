import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Answer = (response: ServerResponse, request: IncomingMessage) => void

/**
 * An API server that answers by script: each answer of a path is used once, in order, and the last one for ever.
 * Paths are plurals, with `?watch` for watches: `services`, `services?watch`.
 */
export class ScriptedSource implements AsyncDisposable {
  readonly #server: Server
  readonly #script: Map<string, Answer[]>
  readonly #asked = new Map<string, number>()

  private constructor(script: Readonly<Record<string, readonly Answer[]>>) {
    this.#script = new Map(Object.entries(script).map(([path, answers]) => [path, [...answers]]))
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  static async start(script: Readonly<Record<string, readonly Answer[]>>): Promise<ScriptedSource> {
    const source = new ScriptedSource(script)
    source.#server.listen(0, '127.0.0.1')
    await once(source.#server, 'listening')
    return source
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How often the path was asked for. */
  asked(path: string): number {
    return this.#asked.get(path) ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://source')
    const watch = url.searchParams.has('watch') ? '?watch' : ''
    const path = `${url.pathname.split('/').at(-1)}${watch}`
    this.#asked.set(path, this.asked(path) + 1)
    const answers = this.#script.get(path) ?? []
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer === undefined) response.writeHead(404).end('{}')
    else answer(response, request)
  }
}

/** A LIST as the cluster itself answers it, of version 10 unless said otherwise. */
export function list(items: readonly unknown[], metadata: object = { resourceVersion: '10' }): Answer {
  return (response) => response.end(JSON.stringify({ kind: 'List', metadata, items }))
}

/** Some lines of a watch, then its end. */
export function watch(...lines: readonly unknown[]): Answer {
  return (response) => response.end(lines.map(toLine).join(''))
}

/** Some lines of a watch, which stays open then. */
export function openWatch(...lines: readonly unknown[]): Answer {
  return (response) => {
    response.writeHead(200)
    response.flushHeaders()
    for (const line of lines) response.write(toLine(line))
  }
}

/** An answer that never comes. */
export function silence(): void {
  // Nothing is sent: the client has to give up by itself.
}

function toLine(line: unknown): string {
  return `${typeof line === 'string' ? line : JSON.stringify(line)}\n`
}
