import type { Logger } from '@edgeway/core'
import { recordsOf } from './cache/records.ts'
import { type Answer, emptyAnswer, type Handler, type HandlerResult, type QueryContext } from './handler.ts'
import { type Decoded, decodeQuery, type Query, udpPayloadBytes } from './message.ts'
import type { ResponderMetrics } from './metrics.ts'
import { RCODE } from './wire/codes.ts'
import { extendedErrorOf } from './wire/extended-error.ts'
import { HEADER_BYTES } from './wire/header.ts'
import {
  type Content,
  encodeRefusal,
  encodeResponse,
  encodeTruncated,
  rcodeOf,
  withOption,
} from './wire/response.ts'

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
    const decoded = decodeQuery(message)
    if (decoded.kind === 'query') return this.#respond(decoded.query, context)
    if (decoded.kind === 'refused') return this.#refuse(message, decoded, context)
    this.#deps.metrics.dropped(decoded.reason, context.transport)
    return undefined
  }

  /** A truncated response without records: who gets it comes again over TCP. Nothing for what is no query. */
  truncate(message: Buffer): Response {
    const decoded = decodeQuery(message)
    return decoded.kind === 'query' ? encodeTruncated(decoded.query) : undefined
  }

  #respond(query: Query, context: QueryContext): Buffer | Promise<Buffer> {
    let result: HandlerResult
    try {
      result = this.#deps.handler(query, context)
    } catch (error) {
      result = this.#failed(error)
    }
    if (!(result instanceof Promise)) return this.#encode(query, context, result)
    return this.#respondLater(query, context, result)
  }

  async #respondLater(
    query: Query,
    context: QueryContext,
    result: Promise<Answer | undefined>,
  ): Promise<Buffer> {
    const startedAt = performance.now()
    const answer = (await result.catch((error: unknown) => this.#failed(error))) ?? NOBODY_ANSWERED
    this.#deps.metrics.waited(answer.zone, performance.now() - startedAt)
    return this.#encode(query, context, answer)
  }

  #failed(error: unknown): Answer {
    this.#deps.logger.error('a query could not be answered', { error })
    return emptyAnswer('none', 'internal-error', RCODE.SERVFAIL)
  }

  #refuse(message: Buffer, { query, rcode, rule }: Refused, context: QueryContext): Buffer {
    const answer = emptyAnswer('none', rule, rcode)
    if (query !== undefined) return this.#encode(query, context, answer)
    this.#deps.metrics.answered(answer, undefined, context.transport)
    return encodeRefusal(message, rcode)
  }

  #encode(query: Query, { transport }: QueryContext, given: Answer = NOBODY_ANSWERED): Buffer {
    const answer = isSound(query, given.content) ? given : MALFORMED
    this.#deps.metrics.answered(answer, query.type, transport)
    const maxBytes =
      transport === 'tcp'
        ? MAX_TCP_MESSAGE_BYTES
        : Math.min(udpPayloadBytes(query), this.#options.maxUdpPayloadBytes)
    const error = query.edns === undefined ? undefined : extendedErrorOf(answer, query)
    if (error === undefined) return encodeResponse(query, answer.content, maxBytes)
    return withOption(encodeResponse(query, withoutOpt(answer.content), maxBytes), error, maxBytes)
  }
}

/** What is explained has an OPT record of ours: of an upstream's failure only the code is kept. */
function withoutOpt(content: Content): Content {
  return content.kind === 'message' ? emptyAnswer('forward', 'upstream', rcodeOf(content)).content : content
}

/** A client must not meet what an upstream, or who pretends to be one, made to break its decoder. */
function isSound({ question }: Query, content: Content): boolean {
  return (
    content.kind !== 'message' || recordsOf(content.message, HEADER_BYTES + question.length) !== undefined
  )
}

type Refused = Extract<Decoded, { kind: 'refused' }>

const MALFORMED = emptyAnswer('forward', 'upstream-malformed', RCODE.SERVFAIL)
const NOBODY_ANSWERED = emptyAnswer('none', 'internal-error', RCODE.SERVFAIL)
