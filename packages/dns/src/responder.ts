import type { Logger } from '@edgeway/core'
import { RCODE } from './codes.ts'
import { type Answer, emptyAnswer, type Handler, type QueryContext } from './handler.ts'
import { type Decoded, decodeQuery, type Query, udpPayloadBytes } from './message.ts'
import type { AnsweredQuery, ResponderMetrics } from './metrics.ts'
import { encodeRefusal, encodeResponse, rcodeOf } from './response.ts'

const MAX_TCP_MESSAGE_BYTES = 65_535

export interface ResponderOptions {
  readonly maxUdpPayloadBytes: number
}

export interface ResponderDeps {
  /** Answers every query; what it leaves without an answer is answered SERVFAIL. */
  readonly handler: Handler
  readonly metrics: ResponderMetrics
  readonly logger: Logger
}

/** The bytes to send back; `undefined` for messages that get no answer. */
export type Response = Buffer | undefined

/** From a client's bytes to the answer's bytes, for both transports. Never throws, its promises never reject. */
export class Responder {
  readonly #options: ResponderOptions
  readonly #deps: ResponderDeps

  constructor(options: ResponderOptions, deps: ResponderDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Answers from memory come at once, others as a promise. */
  respond(message: Buffer, context: QueryContext): Response | Promise<Response> {
    const startedAt = performance.now()
    const decoded = decodeQuery(message)
    if (decoded.kind === 'dropped') {
      this.#deps.metrics.dropped(decoded.reason, context.transport)
      return undefined
    }
    if (decoded.kind === 'refused') return this.#refuse(message, decoded, { context, startedAt })
    const asked = { query: decoded.query, context, startedAt }
    const answer = this.#answer(asked)
    return answer instanceof Promise
      ? answer.then((late) => this.#encode(asked, late))
      : this.#encode(asked, answer)
  }

  #answer({ query, context }: Asked): Answer | Promise<Answer> {
    try {
      const answer = this.#deps.handler(query, context)
      if (!(answer instanceof Promise)) return answer ?? NOBODY_ANSWERED
      return answer.then(
        (late) => late ?? NOBODY_ANSWERED,
        (error: unknown) => this.#failed(error),
      )
    } catch (error) {
      return this.#failed(error)
    }
  }

  #failed(error: unknown): Answer {
    this.#deps.logger.error('a query could not be answered', { error })
    return emptyAnswer('none', 'internal-error', RCODE.SERVFAIL)
  }

  #refuse(message: Buffer, { query, rcode }: Refused, arrival: Arrival): Buffer {
    if (query !== undefined) return this.#encode({ query, ...arrival }, emptyAnswer('none', 'message', rcode))
    this.#count(arrival, { zone: 'none', rcode, type: undefined })
    return encodeRefusal(message, rcode)
  }

  #encode(asked: Asked, { zone, content }: Answer): Buffer {
    const { query, context } = asked
    const response = encodeResponse(query, content, this.#maxBytes(query, context))
    this.#count(asked, { zone, rcode: rcodeOf(content), type: query.type })
    return response
  }

  #count({ context, startedAt }: Arrival, what: Pick<AnsweredQuery, 'zone' | 'rcode' | 'type'>): void {
    const durationMs = performance.now() - startedAt
    this.#deps.metrics.answered({ ...what, transport: context.transport, durationMs })
  }

  #maxBytes(query: Query, { transport }: QueryContext): number {
    if (transport === 'tcp') return MAX_TCP_MESSAGE_BYTES
    return Math.min(udpPayloadBytes(query), this.#options.maxUdpPayloadBytes)
  }
}

interface Arrival {
  readonly context: QueryContext
  /** By `performance.now()`. */
  readonly startedAt: number
}

interface Asked extends Arrival {
  readonly query: Query
}

type Refused = Extract<Decoded, { kind: 'refused' }>

const NOBODY_ANSWERED = emptyAnswer('none', 'internal-error', RCODE.SERVFAIL)
