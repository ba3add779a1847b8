import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BodyFraming } from './body-framing.ts'
import { BodyReader } from './body-reader.ts'

const CHUNKED = { kind: 'chunked' } as const

interface Reading {
  /** Index after the body in all of the text, or -1. */
  readonly end: number
  readonly isComplete: boolean
  readonly problem: string | undefined
  readonly content: string
}

/** What becomes of a body that comes in those pieces; `reader` may have read others before. */
function read(framing: BodyFraming, pieces: readonly string[], reader = new BodyReader()): Reading {
  const contents: string[] = []
  let end = 0
  reader.begin(framing)
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1')
    const after = reader.advanceContent(bytes, 0, (data) => contents.push(data.toString('latin1')))
    end = after === -1 ? -1 : end + after
    if (after < bytes.length) break
  }
  return { end, isComplete: reader.isComplete, problem: reader.problem, content: contents.join('') }
}

function cut(text: string, places: readonly number[]): readonly string[] {
  const bounds = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length]
  return bounds.slice(1).map((bound, index) => text.slice(bounds[index], bound))
}

/** @returns index after a whole body in chunks that `text` begins with; `undefined` where it does not */
function endOfChunks(text: string): number | undefined {
  let rest = text
  for (;;) {
    const [line, size = ''] = /^([0-9a-f]{1,16})(?:;[\t -~\x80-\xff]*)?\r\n/i.exec(rest) ?? []
    if (line === undefined) return undefined
    rest = rest.slice(line.length)
    const bytes = Number.parseInt(size, 16)
    if (bytes === 0) break
    if (rest.slice(bytes, bytes + 2) !== '\r\n') return undefined
    rest = rest.slice(bytes + 2)
  }
  const [trailers] = /^(?:[\w-]+:[\t -~\x80-\xff]*\r\n)*\r\n/.exec(rest) ?? []
  return trailers === undefined ? undefined : text.length - rest.length + trailers.length
}

describe('a body without chunks', () => {
  it('of no bytes is complete at once, and takes nothing', () => {
    expect(read({ kind: 'none' }, ['GET /'])).toMatchObject({ end: 0, isComplete: true, content: '' })
  })

  it('of some bytes takes as many, over several pieces', () => {
    expect(read({ kind: 'length', bytes: 5 }, ['ab', '', 'cdefg'])).toMatchObject({
      ...{ end: 5, isComplete: true, content: 'abcde' },
    })
    expect(read({ kind: 'length', bytes: 5 }, ['ab'])).toMatchObject({ end: 2, isComplete: false })
  })

  it('without an end goes on', () => {
    expect(read({ kind: 'until-close' }, ['ab', 'cd'])).toMatchObject({
      ...{ end: 4, isComplete: false, content: 'abcd' },
    })
  })

  it('may begin anywhere in the bytes', () => {
    const reader = new BodyReader()
    reader.begin({ kind: 'length', bytes: 3 })

    expect(reader.advance(Buffer.from('headabcnext'), 4)).toBe(7)
    expect(reader.advance(Buffer.from('next'), 0)).toBe(0)
  })
})

describe('a body in chunks', () => {
  it.each([
    ['no content', '0\r\n\r\n', ''],
    ['two chunks', '3\r\nabc\r\n00A\r\n0123456789\r\n000\r\n\r\n', 'abc0123456789'],
    ['long extensions', `1;${'a'.repeat(1_000)}\r\nx\r\n`.repeat(3).concat('0\r\n\r\n'), 'xxx'],
    ['extensions', '1;a=b;c="d\t\xff\\""\r\nx\r\n0;last\r\n\r\n', 'x'],
    ['trailers', '1\r\nx\r\n0\r\nX-Sum: 1\r\nEmpty:\r\n\r\n', 'x'],
    ['content like a chunk', '7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n', '\r\n0\r\n\r\n'],
  ])('of %s is read to its end', (_, text, content) => {
    const all = `${text}GET / HTTP/1.1\r\n`

    expect(read(CHUNKED, [all])).toMatchObject({ end: text.length, isComplete: true, content })
    expect(read(CHUNKED, [...all])).toMatchObject({ end: text.length, isComplete: true, content })
    for (let length = 0; length < text.length; length++) {
      expect(read(CHUNKED, [text.slice(0, length)])).toMatchObject({ end: length, isComplete: false })
    }
  })

  it.each([
    ['no size', '\r\n', 'A chunk has no size.'],
    ['an extension only', ';a\r\n', 'A chunk has no size.'],
    ['a sign', '+1\r\nx', 'A chunk has no size.'],
    ['white space before the size', ' 1\r\nx', 'A chunk has no size.'],
    ['0x', '0x1\r\nx', 'A chunk size is malformed.'],
    ['white space after the size', '1 \r\nx', 'A chunk size is malformed.'],
    ['white space before an extension', '1 ;a\r\nx', 'A chunk size is malformed.'],
    ['another letter', '1g\r\nx', 'A chunk size is malformed.'],
    ['17 digits', '00000000000000001\r\nx', 'A chunk size is too large.'],
    ['2^53', '20000000000000\r\nx', 'A chunk size is too large.'],
    ['LF after the size', '1\nx', 'A chunk size is malformed.'],
    ['CR alone after the size', '1\rx', 'The line of a chunk size has a CR without LF.'],
    ['LF in an extension', '1;a\nx', 'A chunk extension has a control character.'],
    ['CR in an extension', '1;a\rb', 'The line of a chunk size has a CR without LF.'],
    ['a quote without end', '1;a="b\\"\r\n', 'A chunk extension has a quote that does not end.'],
    ['NUL in an extension', '1;a\x00', 'A chunk extension has a control character.'],
    ['a long extension', `1;${'a'.repeat(1_025)}`, 'The extensions of a chunk have more than 1024 bytes.'],
    ['more content than said', '1\r\nxy', 'A chunk does not end where its size says.'],
    ['LF after the content', '1\r\nx\n', 'A chunk does not end where its size says.'],
    ['CR alone after the content', '1\r\nx\r0', 'A chunk does not end where its size says.'],
    ['an LF in place of the end', '0\r\n\n', 'The name of a trailer is malformed.'],
    ['a CR alone at the end', '0\r\n\rx', 'The line of a trailer has a CR without LF.'],
    ['a trailer without name', '0\r\n: a', 'The name of a trailer is malformed.'],
    ['a trailer without colon', '0\r\nabc\r\n', 'The name of a trailer is malformed.'],
    ['a space before a colon', '0\r\na : b', 'The name of a trailer is malformed.'],
    ['a folded trailer', '0\r\na: b\r\n c', 'The name of a trailer is malformed.'],
    ['LF after a trailer', '0\r\na: b\nc', 'The value of a trailer has a control character.'],
    ['CR in a trailer', '0\r\na: b\rc', 'The line of a trailer has a CR without LF.'],
    ['a NUL in a trailer', '0\r\na: \x00', 'The value of a trailer has a control character.'],
    ['101 trailers', `0\r\n${'a: b\r\n'.repeat(101)}`, 'There are more than 100 trailers.'],
    [
      'long trailers',
      `0\r\n${`a: ${'b'.repeat(999)}\r\n`.repeat(17)}`,
      'The trailers have more than 16384 bytes.',
    ],
    ['a length as trailer', '0\r\nContent-Length: 5\r\n', 'The field content-length must not be a trailer.'],
  ])('is refused with %s, however it is cut', (_, text, problem) => {
    expect(read(CHUNKED, [text])).toMatchObject({ end: -1, isComplete: false, problem })
    expect(read(CHUNKED, [...text])).toMatchObject({ end: -1, isComplete: false, problem })
  })

  it.each([
    ...[
      'Transfer-Encoding',
      'content-length',
      'HOST',
      'Connection',
      'TE',
      'Upgrade',
      'Trailer',
      'Authorization',
    ],
    ...[
      'Cookie',
      'Set-Cookie',
      'Expect',
      'Content-Encoding',
      'Content-Type',
      'Content-Range',
      'Max-Forwards',
    ],
    ...['X-Forwarded-For', 'Forwarded'],
  ])('must not have %s as a trailer', (name) => {
    expect(read(CHUNKED, [`0\r\nx: 1\r\n${name}: a\r\n\r\n`]).problem).toContain(name.toLowerCase())
    expect(read(CHUNKED, [`0\r\n${name}s: a\r\nx-${name}: a\r\n\r\n`]).isComplete).toBe(true)
  })

  it('takes the largest size, and the most of trailers', () => {
    expect(read(CHUNKED, ['1fffffffffffff\r\nab'])).toMatchObject({ problem: undefined, content: 'ab' })
    expect(read(CHUNKED, [`0\r\n${'a: b\r\n'.repeat(100)}\r\n`]).isComplete).toBe(true)
    expect(read(CHUNKED, [`0\r\n${'a'.repeat(16_378)}:\r\n\r\n`]).isComplete).toBe(true)
  })

  it('stays refused', () => {
    const reader = new BodyReader()
    read(CHUNKED, ['x'], reader)

    expect(reader.advance(Buffer.from('0\r\n\r\n'), 0)).toBe(-1)
  })

  it('leaves nothing behind for the next', () => {
    const reader = new BodyReader()
    for (const text of ['5;a\r\nab', '1\r\nx\r', '0\r\nhost', '1', 'x', '0\r\na: b\r', '1;b']) {
      read(CHUNKED, [text], reader)

      expect(read(CHUNKED, ['1\r\nx\r\n0\r\na: b\r\n\r\n'], reader)).toMatchObject({
        ...{ isComplete: true, problem: undefined, content: 'x' },
      })
    }
  })

  it('says the same of any bytes as who has them all at once, however they are cut', () => {
    const part = fc.constantFrom(
      '0',
      '1',
      'a',
      '\r\n',
      '\r',
      '\n',
      ';',
      ':',
      ' ',
      '\x00',
      '1\r\nx\r\n',
      '0\r\n',
      '0\r\n\r\n',
    )
    fc.assert(
      fc.property(fc.array(part), fc.array(fc.nat()), (parts, places) => {
        const text = parts.join('')
        const whole = read(CHUNKED, [text])
        const reader = new BodyReader()
        reader.begin(CHUNKED)

        expect(read(CHUNKED, cut(text, places))).toEqual(whole)
        expect(reader.advance(Buffer.from(text, 'latin1'), 0)).toBe(whole.end)
        expect(whole.isComplete ? whole.end : undefined).toBe(endOfChunks(text))
      }),
      { numRuns: 5_000 },
    )
  })

  it('gives the content back, however it was put into chunks and cut', () => {
    const content = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1 }))
    fc.assert(
      fc.property(content, fc.array(fc.nat()), (pieces, places) => {
        const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
        const text = `${chunks.join('')}0\r\n\r\n`

        expect(read(CHUNKED, cut(`${text}next`, places))).toEqual({
          ...{ end: text.length, isComplete: true, problem: undefined, content: pieces.join('') },
        })
      }),
    )
  })
})
