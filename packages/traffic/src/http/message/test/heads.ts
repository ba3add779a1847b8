import { type HeadProblem, isProblem } from '../head-problem.ts'
import { parseRequestHead, type RequestHead } from '../request-head.ts'
import { parseResponseHead, type ResponseHead } from '../response-head.ts'

/** Lines become a head: each gets its CRLF, and the empty one comes after them. */
export function headOf(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`
}

export function requestOf(...lines: readonly string[]): RequestHead {
  return accepted(parseRequestHead(headOf(...lines)))
}

/** Of a GET request, unless another method is told. */
export function responseOf(lines: readonly string[], method = 'GET'): ResponseHead {
  return accepted(parseResponseHead(headOf(...lines), method))
}

export function accepted<Parsed extends object>(parsed: Parsed | HeadProblem): Parsed {
  if (isProblem(parsed)) throw new Error(parsed.problem)
  return parsed as Parsed
}

/** Status and sentence of what was refused; the sentence alone says so where it was not. */
export function refusal(parsed: object | string): string {
  if (typeof parsed === 'string' || !isProblem(parsed)) return 'accepted'
  return `${parsed.status} ${parsed.problem}`
}
