import type { Logger } from '@edgeway/core'
import { type Answer, emptyAnswer, type Handler, type Transport } from '../handler.ts'
import type { Query } from '../message.ts'
import type { ForwardMetrics } from '../metrics.ts'
import { RCODE } from '../wire/codes.ts'
import { FLAG } from '../wire/header.ts'
import type { ExchangeOutcome } from './exchange.ts'
import { FairPlaces } from './fair-places.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamClient } from './upstream-client.ts'
import { isUnhelpful, upstreamQueryKey } from './upstream-message.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/** Each upstream is asked again once while time is left: a datagram may be lost. */
const ROUNDS = 2

export interface ForwardOptions {
  readonly forwardTimeoutMs: number
  readonly maxForwardedQueries: number
}

export interface ForwardDeps {
  readonly upstreams: UpstreamPool
  readonly client: Pick<UpstreamClient, 'ask'>
  readonly logger: Logger
  readonly metrics: Pick<ForwardMetrics, 'replied' | 'failed'>
  /** Is told of each upstream that answers no more. */
  onDown(upstream: Upstream): void
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
  /** Of clients whose queries wait: names that take long can be had by anybody. */
  readonly #places: FairPlaces

  constructor(options: ForwardOptions, deps: ForwardDeps) {
    this.#options = options
    this.#deps = deps
    this.#places = new FairPlaces(options.maxForwardedQueries)
  }

  readonly handle: Handler = (query, { transport, clientIp }) => {
    const giveBack = this.#places.take(clientIp)
    if (giveBack === undefined) return failure('overloaded')
    const key = `${transport} ${upstreamQueryKey(query)}`
    return (this.#asked.get(key) ?? this.#begin(key, query, transport)).finally(giveBack)
  }

  #begin(key: string, query: Query, transport: Transport): Promise<Answer> {
    const deadline = performance.now() + this.#options.forwardTimeoutMs
    const answer = this.#firstHelpful({ query, transport, deadline }).finally(() => this.#asked.delete(key))
    this.#asked.set(key, answer)
    return answer
  }

  async #firstHelpful(forwarded: Forwarded): Promise<Answer> {
    const upstreams = this.#deps.upstreams.inOrder()
    if (upstreams.length === 0) return failure('no-upstream')
    const unhelpful = new Map<Upstream, Buffer>()
    const isLeft = (upstream: Upstream): boolean =>
      !unhelpful.has(upstream) && performance.now() < forwarded.deadline

    for (const upstream of inRounds(upstreams, isLeft)) {
      const outcome = await this.#ask(upstream, forwarded)
      if (outcome === 'aborted') return failure('stopping')
      if (typeof outcome === 'string') continue
      if (!isUnhelpful(outcome)) return relayed(outcome, upstream)
      unhelpful.set(upstream, outcome)
    }
    const [first] = unhelpful
    return first === undefined ? failure('upstreams-failed') : relayed(first[1], first[0])
  }

  async #ask(upstream: Upstream, forwarded: Forwarded): Promise<ExchangeOutcome> {
    const startedAt = performance.now()
    const outcome = await this.#deps.client.ask(upstream, forwarded.query, forwarded)
    if (outcome === 'aborted') return outcome
    if (typeof outcome === 'string') this.#failed(upstream, outcome, startedAt)
    else this.#replied(upstream, outcome, performance.now() - startedAt)
    return outcome
  }

  #replied(upstream: Upstream, reply: Buffer, durationMs: number): void {
    const { upstreams, logger, metrics } = this.#deps
    metrics.replied(upstream, reply.readUInt16BE(2) & FLAG.RCODE, durationMs)
    // One that loops answers, too: that it no longer loops is for the probe to find.
    if (upstreams.stateOf(upstream) === 'loop') return
    if (upstreams.succeeded(upstream, performance.now()))
      logger.info('upstream answers again', { upstream: upstream.name })
  }

  #failed(upstream: Upstream, reason: 'timeout' | 'network', askedAt: number): void {
    const { upstreams, logger, metrics, onDown } = this.#deps
    metrics.failed(upstream, reason)
    if (!upstreams.failed(upstream, askedAt)) return
    logger.warn('upstream does not answer', { upstream: upstream.name, reason })
    onDown(upstream)
  }
}

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

function relayed(message: Buffer, { name: upstream }: Upstream): Answer {
  return { zone: 'forward', rule: 'upstream', content: { kind: 'message', message, upstream } }
}
