/** What the cache holds for one question, and what it answers from it. Pure: the caller tells the time, in milliseconds. */
import { type Answer, emptyAnswer } from '../handler.ts'
import type { CacheableMessage, Verdict } from './verdict.ts'

/** RFC 8767 section 4: long enough to spare upstreams that fail, short enough to be corrected soon. */
const STALE_TTL_SECONDS = 30

/** Answers from memory within one TTL that make a name popular. */
const POPULAR_HITS = 3

/** The last part of a TTL in which a popular name is asked for again: a tenth. */
const PREFETCH_DIVISOR = 10

/**
 * Of an entry beside message, offsets and key: objects, array buffer, its place in the Map. Measured as resident memory
 * of 40,000 entries; a process with fewer takes more for each, since the heap grows in steps.
 */
const ENTRY_OVERHEAD_BYTES = 1_400

/** How an entry's answer is counted. Closed set, used as metric label. */
export type EntryKind = 'positive' | 'negative' | 'failure'

export interface Entry {
  readonly kind: EntryKind
  /** `undefined` of failures. */
  readonly content: CacheableMessage | undefined
  readonly rcode: number
  readonly storedAt: number
  readonly expiresAt: number
  /** Until when it is better than no answer. */
  readonly staleUntil: number
  hits: number
  /** Not asked for again before: an attempt failed. */
  retryAt: number
}

export function messageEntry(
  { content, ttlSeconds, isNegative }: Extract<Verdict, { kind: 'cacheable' }>,
  now: number,
  staleSeconds: number,
): Entry {
  const expiresAt = now + ttlSeconds * 1_000
  return {
    kind: isNegative ? 'negative' : 'positive',
    content,
    rcode: 0,
    storedAt: now,
    expiresAt,
    staleUntil: expiresAt + staleSeconds * 1_000,
    hits: 0,
    retryAt: 0,
  }
}

/** That nobody could answer, so that upstreams are not asked over and over (RFC 9520). */
export function failureEntry(rcode: number, now: number, failureTtlSeconds: number): Entry {
  const expiresAt = now + failureTtlSeconds * 1_000
  return {
    kind: 'failure',
    content: undefined,
    rcode,
    storedAt: now,
    expiresAt,
    staleUntil: expiresAt,
    hits: 0,
    retryAt: 0,
  }
}

/** An estimate of the memory that an entry takes with its key. */
export function bytesOf(key: string, { content }: Entry): number {
  // Two bytes per character, eight per offset.
  const held = content === undefined ? 0 : content.message.length + content.ttlOffsets.length * 8
  return ENTRY_OVERHEAD_BYTES + key.length * 2 + held
}

/** The answer of an entry that has not expired; TTLs are what is left of them. */
export function freshAnswer({ content, rcode, storedAt }: Entry, now: number): Answer {
  if (content === undefined) return emptyAnswer('forward', 'cache-failure', rcode)
  return cachedAnswer('cache', content, { ageSeconds: Math.floor((now - storedAt) / 1_000) })
}

/** The answer of an expired entry. */
export function staleAnswer({ content, rcode, storedAt }: Entry, now: number): Answer {
  if (content === undefined) return emptyAnswer('forward', 'cache-failure', rcode)
  const ageSeconds = Math.floor((now - storedAt) / 1_000)
  return cachedAnswer('cache-stale', content, { ageSeconds, staleTtlSeconds: STALE_TTL_SECONDS })
}

/** The answer that an entry was made of. */
export function newAnswer(content: CacheableMessage): Answer {
  return cachedAnswer('upstream', content, { ageSeconds: 0 })
}

function cachedAnswer(
  rule: 'upstream' | 'cache' | 'cache-stale',
  content: CacheableMessage,
  ttl: { readonly ageSeconds: number; readonly staleTtlSeconds?: number },
): Answer {
  return { zone: 'forward', rule, content: { kind: 'cached', ...content, ttl } }
}

/** Whether the entry, which has not expired, is popular and will expire soon. */
export function isDueForPrefetch({ kind, hits, storedAt, expiresAt, retryAt }: Entry, now: number): boolean {
  const isLate = (expiresAt - now) * PREFETCH_DIVISOR <= expiresAt - storedAt
  return kind !== 'failure' && hits >= POPULAR_HITS && isLate && now >= retryAt
}
