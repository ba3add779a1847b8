import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classify } from './classify.ts'

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

const kindOf = (text: string): string => classify(Buffer.from(text, 'latin1'))

describe('classify', () => {
  it.each([
    ['GET / HTTP/1.1\r\n', 'a request'],
    ['GET ', 'a known method and any byte'],
    ['GET\x00', 'a known method and a byte that can not be: to refuse it is for HTTP'],
    ['POST\t', 'the same with another one'],
    ['VERSION-CONTROL /x HTTP/1.1\r\n', 'the longest known method'],
    ['CONNECT a:1 HTTP/1.1\r\n', 'a request that HTTP will refuse'],
    ['\r\nGET / HTTP/1.1\r\n', 'an empty line before'],
    ['\r\n\r\nGET / HTTP/1.1\r\n', 'two of them'],
    ['\r\n\r\n\r\n', 'three of them, which HTTP will refuse'],
    ['\nGET / HTTP/1.1\r\n', 'one that ends by LF only'],
    ['BREW /pot HTTP/1.1\r\n', 'an unknown method'],
    ['get / HTTP/1.1\r\n', 'one in small letters'],
    ['BREW http://pot/ HTTP/1.0\n', 'an absolute target'],
    ['BREW * HTTP/1.1\r\n', 'no target'],
    ['PRI * HTTP/2.0\r\n\r\nXX', 'a damaged preface, which HTTP will refuse'],
    ['PRI / HTTP/1.1\r\n', 'the method of the preface, with another target'],
  ])('knows HTTP/1: %j (%s)', (text) => {
    expect(kindOf(text)).toBe('http1')
  })

  it('knows HTTP/2 by its whole preface, whatever follows', () => {
    expect(kindOf(PREFACE)).toBe('http2')
    expect(kindOf(`${PREFACE}\x00\x00\x00\x04`)).toBe('http2')
  })

  it('knows TLS', () => {
    expect(kindOf('\x16\x03')).toBe('tls')
    expect(kindOf('\x16\x03\x01\x02\x00\x01')).toBe('tls')
  })

  it.each([
    '\x00',
    '\x16\x02',
    '{"jsonrpc":"2.0"',
    'EHLO mail\r\n',
    'PING\r\n',
    'SET key value\r\n',
    '*1\r\n$4\r\nPING\r\n',
    'hello',
    'hello world',
    'BREW /pot\r\n',
    'BREW /pot HTTP/1.1 \r\n',
    'BREW /pot\x00 HTTP/1.1\r\n',
    'X'.repeat(33),
    ' GET / HTTP/1.1\r\n',
  ])('knows that %j is nothing it knows', (text) => {
    expect(kindOf(text)).toBe('other')
  })

  it.each([
    '',
    'G',
    'GET',
    'P',
    'PR',
    'PRI * HTTP',
    '\r',
    '\r\n',
    '\r\n\r\n',
    '\x16',
    'BREW',
    'BREW ',
    'BREW h',
    'BREW /po',
  ])('waits for more after %j', (text) => {
    expect(kindOf(text)).toBe('more')
  })

  it('comes to the same answer however the bytes are split, and keeps to it', () => {
    const beginnings = [
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'BREW /pot HTTP/1.1\r\n\r\n',
      `${PREFACE}more`,
      '\x16\x03\x01\x00',
    ]
    for (const text of beginnings) {
      const final = kindOf(text)
      for (let length = 0; length <= text.length; length++)
        expect(['more', final], `${length} bytes of ${text}`).toContain(kindOf(text.slice(0, length)))
    }
  })

  it('has an answer for anything, and no other one once it is not `more`', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (array, length) => {
        const bytes = Buffer.from(array)
        const early = classify(bytes.subarray(0, length))
        if (early !== 'more') expect(classify(bytes)).toBe(early)
      }),
      { numRuns: 2_000 },
    )
  })

  it('waits for no more than 8 KiB', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('BREW /', 'BREW http://', 'GE', '\r\n'),
        fc.stringMatching(/^[ -~]*$/),
        (first, rest) => {
          expect(kindOf(`${first}${rest}${'a'.repeat(8 * 1024)}`)).not.toBe('more')
        },
      ),
    )
  })
})
