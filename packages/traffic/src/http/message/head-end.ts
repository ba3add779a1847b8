import { CR, LF, VALUE } from './char-classes.ts'
import { badRequest, type HeadProblem } from './head-problem.ts'

export const MAX_HEAD_BYTES = 65_536
/** Longer than any that is registered by far; 501 beyond (RFC 9112, 3). */
export const MAX_METHOD_BYTES = 64
export const MAX_TARGET_BYTES = 32_768

/** Empty lines before a request that are overlooked (RFC 9112, 2.2 asks for one at least). */
export const MAX_LEADING_LINES = 2

export const HEAD_TOO_LARGE: HeadProblem = {
  problem: `The head has more than ${MAX_HEAD_BYTES} bytes.`,
  status: 431,
}
export const TARGET_TOO_LONG: HeadProblem = {
  problem: `The request target has more than ${MAX_TARGET_BYTES} bytes.`,
  status: 414,
}

const END = Buffer.from('\r\n\r\n', 'latin1')
/** From here on the loop of the runtime is faster than ours. */
const SHORT = 2_048

/**
 * @param from - where the head begins; empty lines before it are part of it
 * @param searched - index before which it was sought in vain already, so that bytes that come one by one are looked at once
 * @returns index after the empty line that ends the head, or -1: there is none yet
 */
export function endOfHead(bytes: Buffer, from: number, searched = from): number {
  const start = Math.max(afterEmptyLines(bytes, from), searched - END.length + 1)
  if (bytes.length - start > SHORT) {
    const end = bytes.indexOf(END, start)
    return end === -1 ? -1 : end + END.length
  }
  return endOfShortHead(bytes, start)
}

/** Looks at the last of four bytes first: most are no part of a line's end, and neither are the three before then. */
function endOfShortHead(bytes: Buffer, start: number): number {
  let at = start + 3
  while (at < bytes.length) {
    const byte = bytes[at]
    if (byte === CR) at += 1
    else if (byte !== LF) at += 4
    else if (bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1
    else at += 2
  }
  return -1
}

/**
 * What is wrong already with a head that has no end yet, so that nobody waits for it: line ends that are none, control
 * characters (RFC 9112, 2.2; RFC 9110, 5.5), and sizes beyond the limits.
 *
 * @param checked - index before which there was nothing wrong already
 */
export function problemOfPartialHead(bytes: Buffer, checked = 0): HeadProblem | undefined {
  if (bytes.length > MAX_HEAD_BYTES) return HEAD_TOO_LARGE
  const start = afterEmptyLines(bytes, 0)
  // Of a CR at the end it was not known yet what comes after it.
  const unchecked = bytes[checked - 1] === CR ? checked - 1 : checked
  for (let at = Math.max(start, unchecked); at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === undefined || VALUE[byte] === 1) continue
    const problem = problemOfLineEnd(bytes, at)
    if (problem !== undefined) return problem
    at++
  }
  const line = bytes.indexOf(CR, start)
  const lineEnd = line === -1 ? bytes.length : line
  return lineEnd - start > MAX_TARGET_BYTES + MAX_METHOD_BYTES ? TARGET_TOO_LONG : undefined
}

/** @param at - of a byte that is no part of a line */
function problemOfLineEnd(bytes: Buffer, at: number): HeadProblem | undefined {
  const byte = bytes[at]
  if (byte === LF) return badRequest('A line ends in LF without CR.')
  if (byte !== CR) return badRequest('The head has a control character.')
  const isEnd = at + 1 === bytes.length || bytes[at + 1] === LF
  return isEnd ? undefined : badRequest('The head has a CR without LF.')
}

function afterEmptyLines(bytes: Buffer, from: number): number {
  let at = from
  const last = from + 2 * MAX_LEADING_LINES
  while (at < last && bytes[at] === CR && bytes[at + 1] === LF) at += 2
  return at
}
