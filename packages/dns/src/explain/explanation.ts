import { isIP } from 'node:net'
import { DnsQuestionError } from '../errors.ts'
import { type Answer, type AnswerRule, emptyAnswer, type Handler, type ZoneName } from '../handler.ts'
import { decodeQuery, isEncodableName, type Query } from '../message.ts'
import { CLASS_IN, RCODE, rcodeLabel, TYPE } from '../wire/codes.ts'
import { encodedName } from '../wire/encoded-name.ts'
import { extendedErrorOf, readExtendedError } from '../wire/extended-error.ts'
import { FLAG, HEADER_BYTES, QUESTION_TAIL_BYTES } from '../wire/header.ts'
import { recordTexts } from '../wire/record-text.ts'
import { type Content, encodeResponse, rcodeOf } from '../wire/response.ts'

const MAX_MESSAGE_BYTES = 65_535

/** Whether an answer was in the cache: while it held, after it had expired, as a failure, or not; none: never is. */
export type CacheState = 'fresh' | 'stale' | 'failure' | 'missed' | 'none'

/** What a client would be answered, and why. */
export interface Explanation {
  readonly name: string
  readonly type: string
  readonly rcode: string
  /** Of all sections, as `name TTL IN type data`. */
  readonly records: readonly string[]
  readonly zone: ZoneName
  readonly rule: AnswerRule
  /** `namespace/name`: whose name it is, by the name itself. */
  readonly service?: string
  /** Who said so, `ip:port`. */
  readonly upstream?: string
  readonly cache: CacheState
  /** How long it has been in the cache. */
  readonly ageSeconds?: number
  /** What clients with EDNS are told besides (RFC 8914). */
  readonly error?: { readonly infoCode: number; readonly text: string }
}

const CACHE_STATES: ReadonlyMap<AnswerRule, CacheState> = new Map([
  ['cache', 'fresh'],
  ['cache-stale', 'stale'],
  ['cache-failure', 'failure'],
  ['upstream', 'missed'],
  ['upstream-malformed', 'missed'],
  ['upstreams-failed', 'missed'],
])

/** Rules of answers that the name of a Service, or a name below it, has. */
const SERVICE_RULES: ReadonlySet<AnswerRule> = new Set([
  'service',
  'headless-service',
  'endpoint',
  'service-port',
  'external-name',
  'no-type',
  'service-not-served',
])

/** How a query is put: by name and type as text. */
export interface Question {
  /** Without search list; a final dot may be there. */
  readonly name: string
  /** `A`, `AAAA`, …, or `TYPE65`; in any case. */
  readonly type: string
}

/**
 * Asks `handler` as a client over UDP would, and tells all there is to know of the answer.
 *
 * @throws {DnsQuestionError} when name or type are none
 */
export async function explain(question: Question, handler: Handler, domain: string): Promise<Explanation> {
  const query = queryOf(question)
  const answer =
    (await handler(query, { transport: 'udp' })) ?? emptyAnswer('none', 'internal-error', RCODE.SERVFAIL)
  const { zone, rule, content } = answer
  const questionEnd = HEADER_BYTES + query.question.length
  const response = encodeResponse(query, content, MAX_MESSAGE_BYTES)
  return {
    name: question.name,
    type: question.type.toUpperCase(),
    rcode: rcodeLabel(rcodeOf(content)),
    records: recordTexts(response, questionEnd) ?? [],
    zone,
    rule,
    cache: CACHE_STATES.get(rule) ?? 'none',
    ...serviceOf(answer, query, domain),
    ...originOf(content),
    ...errorOf(answer, query),
  }
}

/** @throws {DnsQuestionError} */
function queryOf({ name, type }: Question): Query {
  const code = typeCodeOf(type)
  if (code === undefined) throw new DnsQuestionError('type', type, 'a record type, e.g. A or TYPE65')
  const plain = name.replace(/\.$/, '')
  if (!isEncodableName(plain) || isIP(plain) !== 0)
    throw new DnsQuestionError('name', name, 'a domain name, e.g. web.shop.svc.cluster.local')
  const decoded = decodeQuery(encodeQuestion(plain, code))
  if (decoded.kind !== 'query') throw new DnsQuestionError('type', type, 'a type that is answered')
  return decoded.query
}

function typeCodeOf(type: string): number | undefined {
  const text = type.toUpperCase()
  const named = Object.entries(TYPE).find(([label]) => label === text)?.[1]
  const numbered = /^TYPE(\d{1,5})$/.exec(text)?.[1]
  const code = named ?? Number(numbered)
  return code >= 1 && code <= 65_535 && code !== TYPE.OPT ? code : undefined
}

function encodeQuestion(name: string, type: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(FLAG.RD, 2)
  header.writeUInt16BE(1, 4)
  const tail = Buffer.alloc(QUESTION_TAIL_BYTES)
  tail.writeUInt16BE(type, 0)
  tail.writeUInt16BE(CLASS_IN, 2)
  return Buffer.concat([header, encodedName(name.split('.')), tail])
}

/** `[…, service, namespace, 'svc', …domain]` */
function serviceOf({ rule }: Answer, { labels }: Query, domain: string): Pick<Explanation, 'service'> {
  const depth = labels.length - domain.split('.').length
  const [name, namespace, branch] = labels.slice(Math.max(depth - 3, 0), depth)
  const isService = SERVICE_RULES.has(rule) && branch === 'svc'
  return isService ? { service: `${namespace}/${name}` } : {}
}

function originOf(content: Content): Pick<Explanation, 'upstream' | 'ageSeconds'> {
  if (content.kind === 'records') return {}
  return {
    ...(content.upstream === undefined ? {} : { upstream: content.upstream }),
    ...(content.kind === 'cached' ? { ageSeconds: content.ttl.ageSeconds } : {}),
  }
}

function errorOf(answer: Answer, query: Query): Pick<Explanation, 'error'> {
  const option = extendedErrorOf(answer, query)
  return option === undefined ? {} : { error: readExtendedError(option) }
}
