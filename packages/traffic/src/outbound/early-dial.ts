import type { ServicePortName } from '@edgeway/core'
import type { DialOutcome } from '../dial/dial-first.ts'
import type { EndpointFeedback } from '../endpoint-feedback.ts'
import { FirstBytes } from '../first-bytes/first-bytes.ts'
import { serverWords } from '../first-bytes/server-words.ts'
import type { Dialling } from './dialling.ts'
import type { DialledEndpoint } from './http-forwarder.ts'

/** What an early dial tells, at most one of them. */
export interface EarlyDialEvents {
  /** The endpoint has spoken before the client did, or has ended the connection. */
  onServerFirst(how: { readonly isGreeting: boolean }): void
  /** There is no endpoint, or none could be connected to. */
  onFailed(): void
}

export interface EarlyDialDeps {
  readonly feedback: Pick<EndpointFeedback, 'closed'>
  readonly events: EarlyDialEvents
  /** The connection is no flow of its own any more. */
  readonly onReleased: () => void
}

type Connected = Extract<DialOutcome, { status: 'connected' }>

/** A dial for a client that has said nothing yet: its server may be one that speaks first. */
export class EarlyDial {
  readonly #name: ServicePortName
  readonly #dialling: Dialling
  readonly #deps: EarlyDialDeps
  #connected: Connected | undefined
  #firstBytes: FirstBytes | undefined
  #isOver = false
  #isDiscarded = false
  /** It waits for a client that speaks HTTP/2. */
  #hasSpoken = false

  constructor(name: ServicePortName, dialling: Dialling, deps: EarlyDialDeps) {
    this.#name = name
    this.#dialling = dialling
    this.#deps = deps
    void dialling.outcome.then((dialled) => this.#dialled(dialled))
  }

  /** The dial, and what came of it, for who carries the connection as it is. */
  take(): Dialling {
    this.#stop()
    return this.#dialling
  }

  /** What came of it for requests of HTTP/1; `undefined` where it is of no use to them. */
  takeSpare(): DialledEndpoint | undefined {
    const connected = this.#connected
    if (connected === undefined || this.#hasSpoken || connected.connection.stream.destroyed) {
      this.discard()
      return undefined
    }
    this.#stop()
    this.#deps.feedback.closed(this.#name, connected.endpoint)
    this.#deps.onReleased()
    return { endpoint: connected.endpoint, connection: connected.connection }
  }

  discard(): void {
    if (this.#isOver) return
    this.#stop()
    this.#isDiscarded = true
    this.#dialling.abandon()
    if (this.#connected !== undefined) this.#close(this.#connected)
    this.#deps.onReleased()
  }

  #stop(): void {
    this.#isOver = true
    this.#firstBytes?.[Symbol.dispose]()
  }

  #close({ endpoint, connection }: Connected): void {
    connection.stream.destroy()
    this.#deps.feedback.closed(this.#name, endpoint)
  }

  #dialled(dialled: DialOutcome): void {
    // It may have been connected in the very moment that nobody wanted it any more.
    if (this.#isDiscarded && dialled.status === 'connected') this.#close(dialled)
    if (this.#isOver) return
    if (dialled.status !== 'connected') {
      this.#deps.events.onFailed()
      return
    }
    this.#connected = dialled
    this.#firstBytes = new FirstBytes(dialled.connection.stream, {
      onBytes: (bytes, hasEnded) => this.#look(bytes, hasEnded),
      onClosed: () => this.#deps.events.onServerFirst({ isGreeting: false }),
    })
  }

  #look(bytes: Buffer, hasEnded: boolean): void {
    const words = serverWords(bytes)
    this.#hasSpoken = bytes.length > 0
    if (words === 'greeting') this.#deps.events.onServerFirst({ isGreeting: true })
    else if (words === 'http1' || hasEnded) this.#deps.events.onServerFirst({ isGreeting: false })
  }
}
