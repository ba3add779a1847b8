import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endOfHead, problemOfPartialHead } from './head-end.ts'
import { refusal } from './test/heads.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const piece = fc.constantFrom('\r', '\n', '\r\n', 'a', 'bc', 'def: g', '\r\n\r\n')

describe('endOfHead', () => {
  it.each([
    ['GET / HTTP/1.1\r\n\r\nrest', 0, 18],
    ['bodyGET / HTTP/1.1\r\n\r\n', 4, 22],
    ['\r\n\r\nGET / HTTP/1.1\r\n\r\n', 0, 22],
    ['GET / HTTP/1.1\r\na: b\r\n', 0, -1],
    ['GET / HTTP/1.1\r\n\r', 0, -1],
    ['GET / HTTP/1.1\n\n', 0, -1],
    ['\r\n\r\n', 0, -1],
    ['GET\ra\r\n', 0, -1],
    ['GET\r\n\n\n', 0, -1],
    ['GET\n\n\r\n', 0, -1],
    ['', 0, -1],
  ])('of %j from %i on is %i', (text, from, end) => {
    expect(endOfHead(bytes(text), from)).toBe(end)
  })

  it('is that of the runtime, for short and for long heads', () => {
    fc.assert(
      fc.property(fc.array(piece), fc.constantFrom(0, 3_000), (pieces, padding) => {
        const text = `G${'x'.repeat(padding)}${pieces.join('')}`
        const found = text.indexOf('\r\n\r\n')

        expect(endOfHead(bytes(text), 0)).toBe(found === -1 ? -1 : found + 4)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('endOfHead and problemOfPartialHead', () => {
  it('say the same of bytes that come one by one, where they look at each once', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.constantFrom('\x00', '\x7f'))), (pieces) => {
        const all = bytes(pieces.join(''))
        let end = -1
        let problem: object | undefined
        for (let length = 1; length <= all.length && end === -1 && problem === undefined; length++) {
          const some = all.subarray(0, length)
          end = endOfHead(some, 0, length - 1)
          problem = problemOfPartialHead(some, length - 1)

          expect(end).toBe(endOfHead(some, 0))
          expect(problem).toEqual(problemOfPartialHead(some))
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('problemOfPartialHead', () => {
  it.each([
    ['GET / HTTP/1.1\r\na: b'],
    ['GET / HTTP/1.1\r'],
    ['\r\n\r\nGET'],
    ['\r'],
    [''],
    ['GET / HTTP/1.1\r\na: \xff\tb\r\n'],
  ])('finds none in %j', (text) => {
    expect(refusal(problemOfPartialHead(bytes(text)) ?? {})).toBe('accepted')
  })

  it.each([
    ['GET /\n', '400 A line ends in LF without CR.'],
    ['GET /\r\n\n', '400 A line ends in LF without CR.'],
    ['GET /\rHost', '400 The head has a CR without LF.'],
    ['GET /\x00', '400 The head has a control character.'],
    ['GET /\r\na: \x7f', '400 The head has a control character.'],
    [`GET /${'a'.repeat(33_100)}`, '414 The request target has more than 32768 bytes.'],
    [`GET / HTTP/1.1\r\na: ${'b'.repeat(65_536)}`, '431 The head has more than 65536 bytes.'],
  ])('names what is wrong with %j', (text, sentence) => {
    expect(refusal(problemOfPartialHead(bytes(text)) ?? {})).toBe(sentence)
  })
})
