/** What an answer says of a name that another name stands for. Pure. */

import { type MessageRecord, recordsOf } from '../cache/records.ts'
import { isAboutName } from '../cache/verdict.ts'
import type { Answer, AnswerRule } from '../handler.ts'
import { type Query, withOwner } from '../message.ts'
import { CLASS_IN, RCODE, TYPE } from '../wire/codes.ts'
import { FLAG, HEADER_BYTES } from '../wire/header.ts'
import { type Content, rcodeOf } from '../wire/response.ts'
import { expandedRecord, labelsOfName, nameAt, nameKey } from './expanded-records.ts'

/** CNAME records in one message; resolvers follow about as many. */
const MAX_CNAMES = 16

/** What is known of a name, with all owners written out. */
export interface AliasStep {
  readonly rule: AnswerRule
  /** SERVFAIL where nothing is known. */
  readonly rcode: number
  readonly answers: readonly Buffer[]
  readonly authority: readonly Buffer[]
  /** The name that it leads to and that is still to be asked for. */
  readonly next: readonly string[] | undefined
}

/** Nothing is known, for `rule`. */
export function failedStep(rule: AnswerRule): AliasStep {
  return { rule, rcode: RCODE.SERVFAIL, answers: [], authority: [], next: undefined }
}

/** Reads `answer`, one to `query`. */
export function aliasStep(query: Query, answer: Answer | undefined): AliasStep {
  if (answer === undefined) return failedStep('internal-error')
  const { content, rule } = answer
  const rcode = rcodeOf(content)
  if (!isAboutName(rcode)) return failedStep(rule)
  if (content.kind !== 'records') return messageStep(query, rule, content)
  const written = (records: readonly Buffer[]): Buffer[] =>
    records.map((record) => withOwner(record, query.labels))
  return {
    rule,
    rcode,
    answers: written(content.answers),
    authority: written(content.authority),
    next: answer.chase,
  }
}

type UpstreamContent = Exclude<Content, { kind: 'records' }>

function messageStep({ question, type }: Query, rule: AnswerRule, content: UpstreamContent): AliasStep {
  const { message } = content
  const flags = message.readUInt16BE(2)
  const records = recordsOf(message, HEADER_BYTES + question.length)?.filter(isOfInternet)
  if (records === undefined || (flags & FLAG.TC) !== 0) return failedStep('upstreams-failed')
  const chain = chainOf(message, records)
  if (chain === undefined) return failedStep('alias-chain')
  const found = records.filter((record) => isAnswer(message, record, { owner: chain.end, type }))
  const soa = records
    .filter((record) => record.section === 'authority' && record.type === TYPE.SOA)
    .slice(0, 1)
  const expanded = (some: readonly MessageRecord[]): Buffer[] =>
    some.map((record) => expandedRecord(message, record, ttlOf(content, record)))
  // An upstream that does not know the end of the chain, nor that there is none.
  const isUnfinished = chain.cnames.length > 0 && found.length === 0 && soa.length === 0
  return {
    rule,
    rcode: flags & FLAG.RCODE,
    answers: expanded([...chain.cnames, ...found]),
    authority: found.length === 0 ? expanded(soa) : [],
    next: isUnfinished ? labelsOfName(chain.end) : undefined,
  }
}

interface Chain {
  readonly cnames: readonly MessageRecord[]
  /** The name at its end. */
  readonly end: Buffer
}

/**
 * The CNAME records that lead on from the question's name, in whatever order they are; all others are no concern of it.
 *
 * @returns `undefined` where they lead in a circle, or too far
 */
function chainOf(message: Buffer, records: readonly MessageRecord[]): Chain | undefined {
  const cnames: MessageRecord[] = []
  let end = nameAt(message, HEADER_BYTES)
  while (cnames.length < MAX_CNAMES) {
    const owner = end
    const cname = records.find((record) => isAnswer(message, record, { owner, type: TYPE.CNAME }))
    if (cname === undefined) return { cnames, end }
    cnames.push(cname)
    end = nameAt(message, cname.dataStart)
  }
  return undefined
}

function isAnswer(
  message: Buffer,
  record: MessageRecord,
  { owner, type }: { readonly owner: Buffer; readonly type: number },
): boolean {
  if (record.section !== 'answer' || record.type !== type) return false
  return nameKey(nameAt(message, record.start)) === nameKey(owner)
}

function isOfInternet(record: MessageRecord): boolean {
  return record.class === CLASS_IN
}

function ttlOf(content: UpstreamContent, { ttlOffset }: MessageRecord): number {
  const ttl = content.message.readUInt32BE(ttlOffset)
  if (content.kind === 'message') return ttl
  return 'staleTtlSeconds' in content.ttl ? content.ttl.staleTtlSeconds : ttl - content.ttl.ageSeconds
}
