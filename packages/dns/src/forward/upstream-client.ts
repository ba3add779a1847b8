import { randomBytes } from 'node:crypto'
import type { Logger } from '@edgeway/core'
import type { Transport } from '../handler.ts'
import type { Query } from '../message.ts'
import type { ForwardMetrics } from '../metrics.ts'
import { HEADER_BYTES } from '../wire/header.ts'
import { type Exchange, type ExchangeOutcome, exchangeUdp, type Match } from './exchange.ts'
import { TcpPool } from './tcp-pool.ts'
import type { Upstream } from './upstream.ts'
import { encodeUpstreamQuery, isReplyTo, isTruncated, keepsCase, withCase } from './upstream-message.ts'

export interface UpstreamClientOptions {
  readonly upstreamTimeoutMs: number
  readonly upstreamTcpIdleTimeoutMs: number
  readonly randomizeQueryCase: boolean
}

export interface UpstreamClientDeps {
  readonly logger: Logger
  readonly metrics: Pick<ForwardMetrics, 'mismatched'>
  /** Ends all waiting for upstreams, and the connections to them. */
  readonly signal: AbortSignal
}

/** How a query is asked. */
export interface AskOptions {
  readonly transport: Transport
  /** By `performance.now()`. */
  readonly deadline: number
}

interface Asking extends AskOptions {
  readonly upstream: Upstream
  /** As it goes out, its name in a case of our own. */
  readonly query: Query
}

/**
 * Asks one upstream one query: over UDP from a new socket, over TCP on connections that are kept. A truncated answer is
 * asked for again over TCP. Names go out in a random case, which a reply over UDP must have, too.
 */
export class UpstreamClient {
  readonly #options: UpstreamClientOptions
  readonly #deps: UpstreamClientDeps
  readonly #tcp: TcpPool
  /** Upstreams that don't keep the case of names, as they said over TCP. */
  readonly #caseless = new WeakSet<Upstream>()

  constructor(options: UpstreamClientOptions, deps: UpstreamClientDeps) {
    this.#options = options
    this.#deps = deps
    this.#tcp = new TcpPool(options.upstreamTcpIdleTimeoutMs)
    deps.signal.addEventListener('abort', () => this.#tcp.close(), { once: true })
  }

  /** The reply, or why there is none. Never rejects. */
  async ask(upstream: Upstream, query: Query, options: AskOptions): Promise<ExchangeOutcome> {
    const asking = { ...options, upstream, query: this.#inRandomCase(upstream, query) }
    const outcome = await (options.transport === 'udp' ? this.#askByUdp(asking) : this.#askByTcpFirst(asking))
    // Names within the reply may point to the question: they are to have the client's case.
    if (typeof outcome !== 'string') query.question.copy(outcome, HEADER_BYTES)
    return outcome
  }

  #inRandomCase(upstream: Upstream, query: Query): Query {
    if (!this.#isCaseOurs(upstream)) return query
    const { question } = query
    return { ...query, question: withCase(question, randomBytes(Math.ceil(question.length / 8))) }
  }

  #isCaseOurs(upstream: Upstream): boolean {
    return this.#options.randomizeQueryCase && !this.#caseless.has(upstream)
  }

  async #askByUdp(asking: Asking): Promise<ExchangeOutcome> {
    const outcome = await exchangeUdp(this.#exchange(asking, this.#isCaseOurs(asking.upstream)))
    if (outcome === 'other-case') return this.#askInDoubt(asking)
    if (typeof outcome === 'string' || !isTruncated(outcome)) return outcome
    const whole = await this.#askByTcp(asking)
    // Better than none: the client may come over TCP itself.
    return typeof whole === 'string' && whole !== 'aborted' ? outcome : whole
  }

  /** A reply has the name in another case. Over TCP, which strangers can't take part in, it shows who has changed it. */
  async #askInDoubt(asking: Asking): Promise<ExchangeOutcome> {
    const { upstream, query } = asking
    const reply = await this.#askByTcp(asking)
    if (reply === 'aborted') return reply
    if (typeof reply !== 'string' && keepsCase(query.question, reply)) {
      this.#deps.metrics.mismatched(upstream)
      return reply
    }
    this.#caseless.add(upstream)
    this.#deps.logger.info('upstream does not keep the case of names', { upstream: upstream.name })
    return typeof reply === 'string' ? this.#askByUdp(asking) : reply
  }

  /** Not every resolver is there over TCP, and most answers are whole over UDP as well. */
  async #askByTcpFirst(asking: Asking): Promise<ExchangeOutcome> {
    const outcome = await this.#askByTcp(asking)
    return outcome === 'network' ? this.#askByUdp(asking) : outcome
  }

  #askByTcp(asking: Asking): Promise<ExchangeOutcome> {
    return this.#tcp.exchange(this.#exchange(asking, false))
  }

  #exchange({ upstream, query, deadline }: Asking, mustKeepCase: boolean): Exchange {
    const match = (sent: Buffer, reply: Buffer): Match => {
      if (!isReplyTo(sent, query.question, reply)) {
        this.#deps.metrics.mismatched(upstream)
        return 'stranger'
      }
      return mustKeepCase && !keepsCase(query.question, reply) ? 'other-case' : 'reply'
    }
    const left = Math.max(0, deadline - performance.now())
    return {
      upstream,
      message: encodeUpstreamQuery(query, 0),
      match,
      timeoutMs: Math.min(left, this.#options.upstreamTimeoutMs),
      signal: this.#deps.signal,
    }
  }
}
