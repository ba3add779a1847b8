import { describe, expect, it } from 'vitest'
import { chunked, get, post, SMUGGLED } from '../corpus/hostile-request.ts'
import { HOSTILE_REQUESTS } from '../corpus/hostile-requests.ts'
import { doAgree, readings } from './readers.ts'

const bytes = (text: string): Buffer[] => [Buffer.from(text, 'latin1')]

describe('the readers of hostile requests', () => {
  it.each([
    ['a GET', get([]), 1],
    ['two GETs', get([]) + SMUGGLED, 2],
    ['a length and a GET', post(['Content-Length: 5'], `hello${SMUGGLED}`), 2],
    ['chunks and a GET', post(['Transfer-Encoding: chunked'], chunked('hello') + SMUGGLED), 2],
    ['chunks with a trailer', post(['Transfer-Encoding: chunked'], '1;a=b\r\nx\r\n0\r\nX: x\r\n\r\n'), 1],
    ['nothing', '', 0],
  ])('agree on %s', async (_name, text, count) => {
    const all = await readings(bytes(text))

    expect(doAgree(all), JSON.stringify(all)).toBe(true)
    expect(all['strict']?.requests).toHaveLength(count)
    expect(all['strict']?.end).toBe('clean')
  })

  it.each([
    ['a length that is not reached', post(['Content-Length: 9'], 'hello')],
    ['chunks without an end', post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n')],
  ])('agree that %s is not complete', async (_name, text) => {
    const all = await readings(bytes(text))

    expect(doAgree(all), JSON.stringify(all)).toBe(true)
    expect(all['strict']).toEqual({ requests: [{ line: 'POST /first', isComplete: false }], end: 'waiting' })
  })

  it.each([
    [
      'both a length and a coding',
      post(['Content-Length: 9', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
    ],
    ['two lengths', post(['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED)],
    ['a bare LF', get([`X: x\nContent-Length: ${SMUGGLED.length}`], SMUGGLED)],
    ['an underscore', post(['Transfer_Encoding: chunked'], chunked(SMUGGLED))],
  ])('differ over %s', async (_name, text) => {
    expect(doAgree(await readings(bytes(text)))).toBe(false)
  })

  it('differ over most of the corpus, so that who passed it on as it is would be found out', async () => {
    const all = await Promise.all(
      HOSTILE_REQUESTS.filter(({ isCut }) => !isCut).map(({ pieces }) => readings(bytes(pieces.join('')))),
    )

    expect(all.filter((one) => !doAgree(one)).length).toBeGreaterThan(150)
  })
})
