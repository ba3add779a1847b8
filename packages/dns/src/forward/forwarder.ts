import { randomInt } from 'node:crypto'
import type { Logger } from '@edgeway/core'
import { RCODE } from '../codes.ts'
import { type Exchange, type ExchangeOutcome, exchangeTcp, exchangeUdp } from './exchange.ts'
import { type Answer, emptyAnswer, type Handler, type Transport } from '../handler.ts'
import type { Query } from '../message.ts'
import type { ForwardMetrics } from '../metrics.ts'
import type { Upstream } from './upstream.ts'
import {
  encodeUpstreamQuery,
  isReplyTo,
  isTruncated,
  isUnhelpful,
  upstreamQueryKey,
} from './upstream-message.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/** Each upstream is asked again once while time is left: a datagram may be lost. */
const ROUNDS = 2

export interface ForwardOptions {
  readonly upstreamTimeoutMs: number
  readonly forwardTimeoutMs: number
  readonly maxForwardedQueries: number
}

export interface ForwardDeps {
  readonly upstreams: UpstreamPool
  readonly logger: Logger
  readonly metrics: ForwardMetrics
  /** Ends all waiting for upstreams. */
  readonly signal: AbortSignal
}

/** A query on its way through the upstreams: that of the first client who asked it. */
interface Forwarded {
  readonly query: Query
  readonly transport: Transport
  /** By `performance.now()`. */
  readonly deadline: number
}

/**
 * Has a query answered by the first upstream that can: in their order, those that failed lately last. Answers
 * SERVFAIL when none does: the name may exist, and it may be known a moment later (REFUSED would say "never here").
 */
export class Forwarder {
  readonly #options: ForwardOptions
  readonly #deps: ForwardDeps
  /**
   * Answers to come, by what is asked. Who asks the same meanwhile gets the same answer: a query that an upstream sends
   * back to us ends here, instead of going round for ever.
   */
  readonly #asked = new Map<string, Promise<Answer>>()
  #waiting = 0

  constructor(options: ForwardOptions, deps: ForwardDeps) {
    this.#options = options
    this.#deps = deps
  }

  readonly handle: Handler = (query, { transport }) => {
    if (this.#waiting >= this.#options.maxForwardedQueries) return failure('overloaded')
    return this.#wait(query, transport)
  }

  async #wait(query: Query, transport: Transport): Promise<Answer> {
    this.#waiting++
    try {
      const key = `${transport} ${upstreamQueryKey(query)}`
      return await (this.#asked.get(key) ?? this.#begin(key, query, transport))
    } finally {
      this.#waiting--
    }
  }

  #begin(key: string, query: Query, transport: Transport): Promise<Answer> {
    const deadline = performance.now() + this.#options.forwardTimeoutMs
    const answer = this.#firstHelpful({ query, transport, deadline }).finally(() => this.#asked.delete(key))
    this.#asked.set(key, answer)
    return answer
  }

  async #firstHelpful(forwarded: Forwarded): Promise<Answer> {
    const upstreams = this.#deps.upstreams.inOrder(performance.now())
    if (upstreams.length === 0) return failure('no-upstream')
    const unhelpful = new Map<Upstream, Buffer>()
    const isLeft = (upstream: Upstream): boolean =>
      !unhelpful.has(upstream) && performance.now() < forwarded.deadline

    for (const upstream of inRounds(upstreams, isLeft)) {
      const outcome = await this.#ask(upstream, forwarded)
      if (outcome === 'aborted') return failure('stopping')
      if (typeof outcome === 'string') continue
      if (!isUnhelpful(outcome)) return relayed(outcome)
      unhelpful.set(upstream, outcome)
    }
    const [first] = unhelpful.values()
    return first === undefined ? failure('upstreams-failed') : relayed(first)
  }

  async #ask(upstream: Upstream, forwarded: Forwarded): Promise<ExchangeOutcome> {
    const exchange = this.#exchange(upstream, forwarded.query)
    const outcome = await (forwarded.transport === 'udp'
      ? this.#askByUdp(exchange, forwarded.deadline)
      : exchangeTcp(this.#timed(exchange, forwarded.deadline)))
    if (outcome !== 'aborted') this.#judge(upstream, outcome)
    return outcome
  }

  /** A truncated answer is asked for again over TCP; where that fails it is better than none: the client may do so too. */
  async #askByUdp(exchange: Untimed, deadline: number): Promise<ExchangeOutcome> {
    const outcome = await exchangeUdp(this.#timed(exchange, deadline))
    if (typeof outcome === 'string' || !isTruncated(outcome)) return outcome
    const whole = await exchangeTcp(this.#timed(exchange, deadline))
    return typeof whole === 'string' && whole !== 'aborted' ? outcome : whole
  }

  #exchange(upstream: Upstream, query: Query): Untimed {
    const message = encodeUpstreamQuery(query, randomInt(0x1_0000))
    const isReply = (reply: Buffer): boolean => {
      const isOurs = isReplyTo(message, query.question, reply)
      if (!isOurs) this.#deps.metrics.mismatched(upstream)
      return isOurs
    }
    return { upstream, message, isReply, signal: this.#deps.signal }
  }

  #timed(exchange: Untimed, deadline: number): Exchange {
    const left = Math.max(0, deadline - performance.now())
    return { ...exchange, timeoutMs: Math.min(left, this.#options.upstreamTimeoutMs) }
  }

  #judge(upstream: Upstream, outcome: Buffer | 'timeout' | 'network'): void {
    const { upstreams, metrics, logger } = this.#deps
    if (typeof outcome !== 'string') {
      if (upstreams.succeeded(upstream)) logger.info('upstream answers again', { upstream: upstream.name })
      return
    }
    metrics.failed(upstream, outcome)
    if (upstreams.failed(upstream, performance.now()))
      logger.warn('upstream does not answer', { upstream: upstream.name, reason: outcome })
  }
}

type Untimed = Omit<Exchange, 'timeoutMs'>

/** Whoever did not reply is asked again once all others were. */
function* inRounds(
  upstreams: readonly Upstream[],
  isLeft: (upstream: Upstream) => boolean,
): Generator<Upstream> {
  for (let round = 0; round < ROUNDS; round++) {
    for (const upstream of upstreams) if (isLeft(upstream)) yield upstream
  }
}

function failure(rule: 'overloaded' | 'no-upstream' | 'upstreams-failed' | 'stopping'): Answer {
  return emptyAnswer('forward', rule, RCODE.SERVFAIL)
}

function relayed(message: Buffer): Answer {
  return { zone: 'forward', rule: 'upstream', content: { kind: 'message', message } }
}
