import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@edgeway/core'
import { emptyAnswer, type Handler } from '../handler.ts'
import type { ForwardMetrics } from '../metrics.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { queryFor } from '../wire/query-for.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamClient } from './upstream-client.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/** Begins the names that probes ask for; what follows is random, so that nobody else asks for it. */
const PROBE_LABEL = 'edgeway-loop-'

/** Least time between two probes of an upstream, however short the hold-off. */
const MIN_DELAY_MS = 1_000

export interface UpstreamProbeOptions {
  readonly upstreamHoldOffMs: number
  readonly upstreamTimeoutMs: number
}

export interface UpstreamProbeDeps {
  readonly client: Pick<UpstreamClient, 'ask'>
  readonly logger: Logger
  readonly metrics: Pick<ForwardMetrics, 'looped'>
  /** Ends all probing. */
  readonly signal: AbortSignal
}

/** Upstreams that are asked for the same domain. */
export interface ProbedGroup {
  /** Its labels; empty: all names. */
  readonly domain: readonly string[]
  readonly upstreams: UpstreamPool
}

type ProbeOutcome = 'answers' | 'silent' | 'loop' | 'aborted'

/**
 * Asks upstreams for names that nobody has, to see what becomes of the query: one that comes back to us was sent in a
 * circle, and whoever sent it is left out; any reply tells that an upstream that was down is back. Those that are left
 * out or down are probed until they are neither.
 */
export class UpstreamProbe {
  readonly #options: UpstreamProbeOptions
  readonly #deps: UpstreamProbeDeps
  /** First labels of probes under way, and whether they came back. */
  readonly #probes = new Map<string, { isBack: boolean }>()
  readonly #reviving = new Set<Upstream>()
  readonly #running = new Set<Promise<void>>()

  constructor(options: UpstreamProbeOptions, deps: UpstreamProbeDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Refuses probes that came back; all other queries are left to the next handler. */
  readonly handle: Handler = ({ labels: [first = ''] }) => {
    if (!first.startsWith(PROBE_LABEL)) return undefined
    const probe = this.#probes.get(first)
    // Another agent's is as good as any query.
    if (probe === undefined) return undefined
    probe.isBack = true
    return emptyAnswer('none', 'loop', RCODE.REFUSED)
  }

  /** Looks whether these upstreams send queries back to us. */
  check(group: ProbedGroup): void {
    for (const upstream of group.upstreams.all) this.#run(this.#check(group, upstream))
  }

  /** Probes an upstream that is down until it is back. */
  revive(group: ProbedGroup, upstream: Upstream): void {
    this.#run(this.#revive(group, upstream))
  }

  /** Resolves when nothing is probed any more, which takes the signal. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  #run(probing: Promise<void>): void {
    const running = probing
      .catch((error: unknown) => this.#deps.logger.error('an upstream could not be probed', { error }))
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #check(group: ProbedGroup, upstream: Upstream): Promise<void> {
    const outcome = await this.#probe(group, upstream)
    if (outcome !== 'loop') return
    this.#leaveOut(group, upstream)
    await this.#revive(group, upstream)
  }

  async #revive(group: ProbedGroup, upstream: Upstream): Promise<void> {
    const { signal } = this.#deps
    if (this.#reviving.has(upstream)) return
    this.#reviving.add(upstream)
    while (isOut(group, upstream) && !signal.aborted) {
      const ms = Math.max(this.#options.upstreamHoldOffMs, MIN_DELAY_MS)
      await delay(ms, undefined, { signal, ref: false }).catch(() => undefined)
      if (isOut(group, upstream)) this.#judge(group, upstream, await this.#probe(group, upstream))
    }
    this.#reviving.delete(upstream)
  }

  #judge(group: ProbedGroup, upstream: Upstream, outcome: ProbeOutcome): void {
    if (outcome === 'loop') this.#leaveOut(group, upstream)
    if (outcome === 'silent') group.upstreams.silent(upstream)
    if (outcome === 'answers' && group.upstreams.succeeded(upstream, performance.now()))
      this.#deps.logger.info('upstream answers again', { upstream: upstream.name })
  }

  #leaveOut({ upstreams }: ProbedGroup, upstream: Upstream): void {
    this.#deps.metrics.looped(upstream)
    if (upstreams.looped(upstream))
      this.#deps.logger.warn('upstream left out, it sends queries back to this responder', {
        upstream: upstream.name,
      })
  }

  async #probe({ domain }: ProbedGroup, upstream: Upstream): Promise<ProbeOutcome> {
    const first = `${PROBE_LABEL}${randomBytes(8).toString('hex')}`
    // A name of one label is not forwarded by everybody.
    const rest = domain.length === 0 ? [randomBytes(4).toString('hex')] : domain
    const query = queryFor([first, ...rest], TYPE.A)
    const probe = { isBack: false }
    this.#probes.set(first, probe)
    const deadline = performance.now() + this.#options.upstreamTimeoutMs
    const outcome = await this.#deps.client.ask(upstream, query, { transport: 'udp', deadline })
    this.#probes.delete(first)
    if (probe.isBack) return 'loop'
    if (typeof outcome !== 'string') return 'answers'
    return outcome === 'aborted' ? outcome : 'silent'
  }
}

function isOut({ upstreams }: ProbedGroup, upstream: Upstream): boolean {
  const state = upstreams.stateOf(upstream)
  return state === 'down' || state === 'loop'
}
