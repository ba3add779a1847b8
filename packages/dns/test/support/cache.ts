import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { AnswerCache } from '../../src/cache/answer-cache.ts'
import { type ForwardDeps, Forwarder } from '../../src/forward/forwarder.ts'
import { parseUpstream } from '../../src/forward/upstream.ts'
import { UpstreamClient, type UpstreamClientDeps } from '../../src/forward/upstream-client.ts'
import { UpstreamPool } from '../../src/forward/upstream-pool.ts'
import type { AnswerRule, Handler, Transport } from '../../src/handler.ts'
import { dnsMetrics } from '../../src/metrics.ts'
import { DEFAULT_DNS_OPTIONS, type DnsOptions } from '../../src/options.ts'
import { Responder } from '../../src/responder.ts'
import { type Behaviour, FakeUpstream } from './fake-upstream.ts'
import { decode, queryOf } from './query.ts'
import { addressRecord, replyOf } from './reply.ts'

export const NAME = 'www.example.com'
export const SECOND = 1_000
export const query = queryOf(NAME)

export const answering =
  (ttl: number, address = '192.0.2.1'): Behaviour =>
  ({ message }) => [
    replyOf(message, { answers: [addressRecord(decode(message).questions?.[0]?.name ?? '', ttl, address)] }),
  ]

export const failing =
  (flags: number): Behaviour =>
  ({ message }) => [replyOf(message, { flags })]

export const silent: Behaviour = () => []

/** One that is silent is given up soon; others are waited for however busy the machine is. */
const timeoutMsFor = (behaviour: Behaviour): number => (behaviour === silent ? 30 : 600_000)

function forwarderTo(
  upstreams: UpstreamPool,
  options: DnsOptions,
  deps: UpstreamClientDeps & Pick<ForwardDeps, 'metrics'>,
) {
  const client = new UpstreamClient(options, deps)
  return new Forwarder(options, { ...deps, upstreams, client, onDown: () => undefined })
}

/** A cache before a forwarder before an upstream on loopback, under a clock that the test moves. */
export async function startCache(behaviour: Behaviour, options: Partial<DnsOptions> = {}) {
  const upstream = await FakeUpstream.start(behaviour)
  const all = {
    ...DEFAULT_DNS_OPTIONS,
    forwardTimeoutMs: 600_000,
    staleAnswerTimeoutMs: 600_000,
    upstreamTimeoutMs: timeoutMsFor(behaviour),
    ...options,
  }
  const cut = new AbortController()
  const logger = new MemoryLogger()
  const memory = new MemoryMetrics()
  const metrics = dnsMetrics(memory)
  const upstreams = new UpstreamPool()
  const parsed = parseUpstream(upstream.name)
  upstreams.replace(parsed === undefined ? [] : [parsed])
  const signal = cut.signal
  const forwarder = forwarderTo(upstreams, all, { logger, metrics: metrics.forward, signal })
  const [corp, others] = [{ caps: all }, { caps: all }]
  const time = { now: 5_000_000 }
  const cache = new AnswerCache(all, {
    next: forwarder.handle,
    groupOf: ({ labels }) => (labels.includes('corp') ? corp : others),
    metrics: metrics.cache,
    logger,
    now: () => time.now,
  })
  const rules: AnswerRule[] = []
  const handler: Handler = async (asked, context) => {
    const answer = await cache.handle(asked, context)
    if (answer !== undefined) rules.push(answer.rule)
    return answer
  }
  const responder = new Responder(all, { handler, logger, metrics: metrics.responder })
  return {
    upstream,
    /** Changes what the upstream does. */
    become: (other: Behaviour) => {
      upstream.behaviour = other
      all.upstreamTimeoutMs = options.upstreamTimeoutMs ?? timeoutMsFor(other)
    },
    cache,
    /** Of the answers so far, in their order. */
    rules,
    logger,
    count: (name: string, labels = {}) => memory.value(`edgeway_dns_cache_${name}`, labels) ?? 0,
    ask: async (message = query, transport: Transport = 'udp') =>
      (await responder.respond(message, { transport })) ?? Buffer.alloc(0),
    pass: (ms: number) => {
      time.now += ms
    },
    async [Symbol.asyncDispose]() {
      cut.abort()
      await cache.settled()
      await upstream[Symbol.asyncDispose]()
    },
  }
}
