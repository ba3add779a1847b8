import { FakeServiceDirectory, MemoryLogger } from '@edgeway/testbed'
import { AnswerCache } from '../../src/cache/answer-cache.ts'
import { recordsOf } from '../../src/cache/records.ts'
import {
  encodeUpstreamQuery,
  isReplyTo,
  isTruncated,
  isUnhelpful,
} from '../../src/forward/upstream-message.ts'
import { chain, emptyAnswer, type Handler } from '../../src/handler.ts'
import { decodeQuery } from '../../src/message.ts'
import { type DnsMetrics, dnsMetrics } from '../../src/metrics.ts'
import { DEFAULT_DNS_OPTIONS } from '../../src/options.ts'
import { Responder } from '../../src/responder.ts'
import { RCODE } from '../../src/wire/codes.ts'
import { HEADER_BYTES } from '../../src/wire/header.ts'
import { recordTexts } from '../../src/wire/record-text.ts'
import { clusterZone } from '../../src/zone/cluster-zone.ts'
import { ReverseZone } from '../../src/zone/reverse-zone.ts'
import { decode, queryOf } from '../support/query.ts'
import { addressRecord, optRecord, replyOf, soaRecord } from '../support/reply.ts'
import { type AskedType, aliasService, zoneEndpoint, zoneService } from '../support/zone.ts'
import { hostileBytes } from './hostile-bytes.ts'
import { SeededRandom } from './random.ts'
import { SeriesCount } from './series-count.ts'

/** What became of a message: an answer of ours, one for which an upstream or the cache was asked, or a counted drop. */
export type Outcome = 'answered' | 'forwarded' | 'dropped'

export interface FuzzReport {
  readonly outcomes: Readonly<Record<Outcome, number>>
  /** Replies of upstreams that were spoilt, and those of them that pass for the reply. */
  readonly replies: { readonly spoilt: number; readonly taken: number }
  /** Forwarded answers that dns-packet can't read, though all records are whole: of types whose data nobody checks. */
  readonly unreadable: number
  /** Label sets of all metrics. */
  readonly series: number
  readonly cacheBytes: number
}

const NAMES: readonly (readonly [string, AskedType])[] = [
  ['web.shop.svc.cluster.local', 'A'],
  ['WeB.sHop.svc.cluster.local', 'AAAA'],
  ['db.shop.svc.cluster.local', 'A'],
  ['db-1.db.shop.svc.cluster.local', 'ANY'],
  ['_sql._tcp.db.shop.svc.cluster.local', 'SRV'],
  ['alias.shop.svc.cluster.local', 'A'],
  ['10-1-0-7.shop.pod.cluster.local', 'A'],
  ['nope.shop.svc.cluster.local', 'TXT'],
  ['1.0.96.10.in-addr.arpa', 'PTR'],
  ['www.example.com', 'A'],
  ['x.example.org', 'MX'],
]

const SEEDS = NAMES.flatMap(([name, type]) => [
  queryOf(name, type),
  queryOf(name, type, { udpPayloadSize: 1_232, dnssecOk: true }),
])

/** Whole path of a datagram: decoder, zones, cache before an upstream that sends what it likes, encoder. */
export class CodecBorder implements Disposable {
  readonly #random: SeededRandom
  readonly #logger = new MemoryLogger()
  readonly #series = new SeriesCount()
  readonly #reverse: ReverseZone
  readonly #responder: Responder
  readonly #outcomes = { answered: 0, forwarded: 0, dropped: 0 }
  readonly #replies = { spoilt: 0, taken: 0 }
  #unreadable = 0
  /** Whether the answer to come may hold what an upstream said. */
  #isForwarded = false

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    const directory = filledDirectory()
    const metrics = dnsMetrics(this.#series)
    this.#reverse = new ReverseZone(DEFAULT_DNS_OPTIONS, directory)
    const cache = this.#cacheBefore(this.#upstream, metrics)
    const forwarding: Handler = (query, context) => {
      this.#isForwarded = true
      return cache.handle(query, context)
    }
    const handler = chain(clusterZone(DEFAULT_DNS_OPTIONS, directory), this.#reverse.handle, forwarding)
    this.#responder = new Responder(DEFAULT_DNS_OPTIONS, {
      handler,
      logger: this.#logger,
      metrics: metrics.responder,
    })
  }

  /**
   * Sends so many messages more.
   *
   * @throws {Error} with the message's bytes when something is neither answered well nor dropped
   */
  async run(count: number): Promise<FuzzReport> {
    for (let left = count; left > 0; left--)
      await this.#send(hostileBytes(this.#random.of(SEEDS), this.#random))
    return {
      outcomes: { ...this.#outcomes },
      replies: { ...this.#replies },
      unreadable: this.#unreadable,
      series: this.#series.size,
      cacheBytes: this.#series.last('edgeway_dns_cache_bytes'),
    }
  }

  [Symbol.dispose](): void {
    this.#reverse[Symbol.dispose]()
  }

  #cacheBefore(next: Handler, metrics: DnsMetrics): AnswerCache {
    const options = { ...DEFAULT_DNS_OPTIONS, cacheBytes: 1_000_000 }
    const group = { caps: options }
    let now = 0
    // A second passes with each look at the clock, so that answers also expire.
    return new AnswerCache(options, {
      next,
      groupOf: () => group,
      metrics: metrics.cache,
      logger: this.#logger,
      now: () => (now += 1_000),
    })
  }

  async #send(message: Buffer): Promise<void> {
    const transport = this.#random.below(4) === 0 ? 'tcp' : 'udp'
    this.#isForwarded = false
    const dropped = this.#series.sum('edgeway_dns_dropped_messages_total')
    try {
      const response = await this.#responder.respond(message, { transport })
      if (response !== undefined) this.#check(message, response, transport)
      else if (this.#series.sum('edgeway_dns_dropped_messages_total') === dropped + 1)
        this.#outcomes.dropped++
      else throw new Error('dropped, but not counted')
      if (this.#logger.lines.length > 0) throw new Error(JSON.stringify(this.#logger.lines))
    } catch (cause) {
      throw new Error(`${transport} ${message.toString('hex')}`, { cause })
    }
  }

  #check(message: Buffer, response: Buffer, transport: 'udp' | 'tcp'): void {
    if (response.readUInt16BE(0) !== message.readUInt16BE(0)) throw new Error('another id')
    if (transport === 'udp' && response.length > 1_232) throw new Error('too large')
    const decoded = decodeQuery(message)
    const question = (decoded.kind === 'dropped' ? undefined : decoded.query)?.question ?? Buffer.alloc(0)
    const questionEnd = HEADER_BYTES + question.length
    if (!response.subarray(HEADER_BYTES, questionEnd).equals(question)) throw new Error('another question')
    if (recordsOf(response, questionEnd) === undefined) throw new Error('malformed')
    if (this.#random.below(16) === 0) recordTexts(response, questionEnd)
    this.#count(response)
  }

  /** An upstream may say of a type whose data nobody checks what the client's decoder can't read; all else is readable. */
  #count(response: Buffer): void {
    if (!this.#isForwarded) {
      decode(response)
      this.#outcomes.answered++
      return
    }
    this.#outcomes.forwarded++
    try {
      decode(response)
    } catch {
      this.#unreadable++
    }
  }

  readonly #upstream: Handler = async (query) => {
    const sent = encodeUpstreamQuery(query, this.#random.below(65_536))
    const reply = hostileBytes(this.#goodReply(sent), this.#random)
    this.#replies.spoilt++
    if (!isReplyTo(sent, query.question, reply))
      return emptyAnswer('forward', 'upstreams-failed', RCODE.SERVFAIL)
    this.#replies.taken++
    isTruncated(reply)
    isUnhelpful(reply)
    recordsOf(reply, HEADER_BYTES + query.question.length)
    return { zone: 'forward', rule: 'upstream', content: { kind: 'message', message: reply } }
  }

  #goodReply(sent: Buffer): Buffer {
    const name = decode(sent).questions?.[0]?.name ?? '.'
    const kind = this.#random.below(4)
    const additionals = kind === 0 ? [optRecord()] : []
    if (kind === 1)
      return replyOf(sent, { flags: this.#random.of([0, 2, 3, 5]), authorities: [soaRecord(60, 60)] })
    const answers = Array.from({ length: 1 + this.#random.below(40) }, () => addressRecord(name, 60))
    return replyOf(sent, { answers, additionals })
  }
}

function filledDirectory(): FakeServiceDirectory {
  const directory = new FakeServiceDirectory()
  const clusterIps = ['10.96.0.1', 'fd00::1']
  directory.set(zoneService('shop/web', [['http', 80]], { clusterIps }))
  const endpoints = Array.from({ length: 100 }, (_, n) =>
    zoneEndpoint(`10.1.0.${n}`, { hostname: `db-${n}` }),
  )
  directory.set(zoneService('shop/db', [['sql', 5432]]), endpoints)
  directory.set(aliasService('shop/alias', 'db.shop.svc.cluster.local'))
  return directory
}
