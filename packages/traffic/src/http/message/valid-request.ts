import type { BodyFraming } from './body-framing.ts'
import type { HeadProblem } from './head-problem.ts'

/**
 * The last look at what goes to an endpoint. It shares nothing with the parser, so that a mistake there does not become a request
 * that the endpoint takes for two.
 */

/** Unambiguous at each character: nothing is ever tried twice. */
const HEAD =
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ (?:\/[!"$-~]*|\*) HTTP\/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n$/

/** Of a framing field. */
const VALUE = /^[\t ]*(chunked|[0-9]+)[\t ]*$/

const LENGTH = '\r\ncontent-length:'
const CODING = '\r\ntransfer-encoding:'
const HOST = '\r\nhost:'

const FAULTY: HeadProblem = {
  problem: 'The request can not be passed on: what would go to the endpoint is ambiguous.',
  status: 400,
}

/**
 * @param text - head for an endpoint
 * @param framing - how the body will be sent
 * @returns a problem where that is not one request line, well-formed lines, one `Host` and that one framing
 */
export function problemOfOutgoing(text: string, framing: BodyFraming): HeadProblem | undefined {
  if (!HEAD.test(text)) return FAULTY
  const lower = text.toLowerCase()
  return isFramed(lower, framing) && count(lower, HOST) === 1 ? undefined : FAULTY
}

function isFramed(lower: string, framing: BodyFraming): boolean {
  const lengths = count(lower, LENGTH)
  const codings = count(lower, CODING)
  switch (framing.kind) {
    case 'none':
      return codings === 0 && (lengths === 0 || (lengths === 1 && valueAfter(lower, LENGTH) === '0'))
    case 'length':
      return codings === 0 && lengths === 1 && valueAfter(lower, LENGTH) === String(framing.bytes)
    case 'chunked':
      return lengths === 0 && codings === 1 && valueAfter(lower, CODING) === 'chunked'
    default:
      return false
  }
}

function count(lower: string, line: string): number {
  let found = 0
  for (let at = lower.indexOf(line); at !== -1; at = lower.indexOf(line, at + line.length)) found++
  return found
}

/** @returns '' for what is neither a number nor a coding, or more than that */
function valueAfter(lower: string, line: string): string {
  const start = lower.indexOf(line) + line.length
  return VALUE.exec(lower.slice(start, lower.indexOf('\r', start)))?.[1] ?? ''
}
