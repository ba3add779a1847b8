import { type BodyFraming, CHUNKED, NO_BODY } from './body-framing.ts'
import { withoutBlanks } from './char-classes.ts'
import type { FieldLines } from './field-lines.ts'
import { badRequest, type HeadProblem } from './head-problem.ts'
import { FIELD } from './known-fields.ts'

const CODING = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

/**
 * What `Content-Length` and `Transfer-Encoding` say (RFC 9112, 6.1 to 6.3), where exactly one of them does, and unmistakably: the
 * two together, or either of them twice, are what requests are smuggled with (11.2).
 *
 * @param digits - what a length looks like
 * @returns `undefined` where neither is there
 */
export function declaredFraming(
  fields: FieldLines,
  minor: 0 | 1,
  digits: RegExp,
): BodyFraming | HeadProblem | undefined {
  const coded = (fields.seen & FIELD.transferEncoding) !== 0
  if ((fields.seen & FIELD.contentLength) === 0) return coded ? codedFraming(fields, minor) : undefined
  if (coded) return badRequest('Content-Length and Transfer-Encoding are both there.')
  if ((fields.repeated & FIELD.contentLength) !== 0) {
    return badRequest('Content-Length is there more than once.')
  }
  const value = fields.known(FIELD.contentLength) ?? ''
  const bytes = Number(value)
  if (!digits.test(value) || bytes > Number.MAX_SAFE_INTEGER)
    return badRequest('Content-Length is malformed.')
  return bytes === 0 ? NO_BODY : { kind: 'length', bytes }
}

function codedFraming(fields: FieldLines, minor: 0 | 1): BodyFraming | HeadProblem {
  if (minor === 0) return badRequest('Transfer-Encoding is there, which HTTP/1.0 does not have.')
  const value = fields.known(FIELD.transferEncoding) ?? ''
  if ((fields.repeated & FIELD.transferEncoding) !== 0) {
    return problemOfCodings(value.toLowerCase(), 'Transfer-Encoding is there more than once.')
  }
  if (fields.hasTab(FIELD.transferEncoding)) return badRequest('Transfer-Encoding has a tab.')
  if (value === 'chunked') return CHUNKED
  const codings = value.toLowerCase()
  if (codings === 'chunked') return CHUNKED
  return problemOfCodings(codings, 'Transfer-Encoding is malformed, or not chunked last and once.')
}

/** 501 where all but a last `chunked` are codings that we don't know (RFC 9112, 6.1). */
function problemOfCodings(list: string, malformed: string): HeadProblem {
  const codings = list.split(',').map(withoutBlanks)
  const others = codings.at(-1) === 'chunked' ? codings.slice(0, -1) : codings
  const isUnknown = others.every((coding) => coding !== 'chunked' && CODING.test(coding))
  if (!isUnknown) return badRequest(malformed)
  return { problem: 'Transfer-Encoding names a coding other than chunked.', status: 501 }
}
