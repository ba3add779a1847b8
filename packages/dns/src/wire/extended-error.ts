/** Says to clients that send EDNS why an answer is not what they hoped for. Pure. See RFC 8914. */
import { recordsOf } from '../cache/records.ts'
import type { Answer, AnswerRule } from '../handler.ts'
import type { Query } from '../message.ts'
import { RCODE, TYPE } from './codes.ts'
import { HEADER_BYTES } from './header.ts'
import { type Content, rcodeOf } from './response.ts'

/** The EDNS option that holds an extended error. */
const OPTION_CODE = 15

/** Code and length before an option's data (RFC 6891 section 6.1.2). */
const OPTION_HEADER_BYTES = 4

/** An upstream's texts go on as they are, but not in any length. */
const MAX_OPTION_BYTES = 256

/** INFO-CODEs in use (IANA Extended DNS Error Codes). */
export const INFO_CODE = {
  OTHER: 0,
  STALE_ANSWER: 3,
  CACHED_ERROR: 13,
  NOT_READY: 14,
  PROHIBITED: 18,
  STALE_NXDOMAIN: 19,
  NOT_SUPPORTED: 21,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23,
} as const

const STALE_NXDOMAIN = optionOf(INFO_CODE.STALE_NXDOMAIN, 'no upstream resolver replied in time')
const UPSTREAM_FAILURE = optionOf(INFO_CODE.NETWORK_ERROR, 'the upstream resolver had no answer')

/** Rules that owe an explanation. The texts name nothing of the cluster or of its network. */
const OPTIONS: ReadonlyMap<AnswerRule, Buffer> = new Map([
  ['service-not-served', optionOf(INFO_CODE.OTHER, 'the Service has no names that can be known here')],
  ['directory-not-loaded', optionOf(INFO_CODE.NOT_READY, 'the names of the cluster are not known yet')],
  [
    'upstream-malformed',
    optionOf(INFO_CODE.NETWORK_ERROR, 'the upstream resolver sent no well-formed answer'),
  ],
  ['cache-stale', optionOf(INFO_CODE.STALE_ANSWER, 'no upstream resolver replied in time')],
  ['cache-failure', optionOf(INFO_CODE.CACHED_ERROR, 'no upstream resolver had an answer a moment ago')],
  ['no-upstream', optionOf(INFO_CODE.NO_REACHABLE_AUTHORITY, 'no upstream resolver is known')],
  ['upstreams-failed', optionOf(INFO_CODE.NO_REACHABLE_AUTHORITY, 'no upstream resolver replied')],
  ['overloaded', optionOf(INFO_CODE.OTHER, 'too many queries wait for upstream resolvers')],
  ['loop', optionOf(INFO_CODE.OTHER, 'an upstream resolver sent this query back')],
  ['alias-chain', optionOf(INFO_CODE.OTHER, 'an alias leads in a circle, or too far')],
  ['stopping', optionOf(INFO_CODE.NOT_READY, 'this responder is about to stop')],
  ['class-not-served', optionOf(INFO_CODE.NOT_SUPPORTED, 'only class IN is served')],
  ['edns-version', optionOf(INFO_CODE.NOT_SUPPORTED, 'only version 0 of EDNS is served')],
  ['zone-transfer', optionOf(INFO_CODE.PROHIBITED, 'there are no zone transfers')],
  ['internal-error', optionOf(INFO_CODE.OTHER, 'this responder failed; its log says why')],
])

/**
 * The EDNS option that explains `answer` to who asked `query`; `undefined` for an answer that needs no explanation. What
 * an upstream says of its own failure goes on as it is.
 */
export function extendedErrorOf({ rule, content }: Answer, query: Query): Buffer | undefined {
  if (rule === 'upstream') return isFailure(content) ? upstreamErrorOf(content, query) : undefined
  if (rule === 'cache-stale' && rcodeOf(content) === RCODE.NXDOMAIN) return STALE_NXDOMAIN
  return OPTIONS.get(rule)
}

/** An extended error as people read it, e.g. `{ infoCode: 3, text: '…' }`, of an option from `extendedErrorOf`. */
export function readExtendedError(option: Buffer): { readonly infoCode: number; readonly text: string } {
  const end = OPTION_HEADER_BYTES + option.readUInt16BE(2)
  return {
    infoCode: option.readUInt16BE(OPTION_HEADER_BYTES),
    text: option.toString('utf8', OPTION_HEADER_BYTES + 2, end),
  }
}

function isFailure(content: Content): boolean {
  const rcode = rcodeOf(content)
  return rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN
}

function upstreamErrorOf(content: Content, { question }: Query): Buffer {
  if (content.kind !== 'message') return UPSTREAM_FAILURE
  const { message } = content
  const opt = recordsOf(message, HEADER_BYTES + question.length)?.find(({ type }) => type === TYPE.OPT)
  const own = opt === undefined ? undefined : errorIn(message.subarray(opt.dataStart, opt.end))
  return own ?? UPSTREAM_FAILURE
}

/** The first extended error among the options of an OPT record; strangers wrote them. */
function errorIn(options: Buffer): Buffer | undefined {
  for (let start = 0; start + OPTION_HEADER_BYTES <= options.length; ) {
    const bytes = options.readUInt16BE(start + 2)
    const end = start + OPTION_HEADER_BYTES + bytes
    if (end > options.length) return undefined
    const isError = options.readUInt16BE(start) === OPTION_CODE && bytes >= 2
    if (isError && end - start <= MAX_OPTION_BYTES) return options.subarray(start, end)
    start = end
  }
  return undefined
}

function optionOf(infoCode: number, text: string): Buffer {
  const option = Buffer.alloc(OPTION_HEADER_BYTES + 2 + text.length)
  option.writeUInt16BE(OPTION_CODE, 0)
  option.writeUInt16BE(2 + text.length, 2)
  option.writeUInt16BE(infoCode, OPTION_HEADER_BYTES)
  option.write(text, OPTION_HEADER_BYTES + 2, 'latin1')
  return option
}
