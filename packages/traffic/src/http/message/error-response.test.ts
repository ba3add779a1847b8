import { describe, expect, it } from 'vitest'
import { errorResponse } from './error-response.ts'
import { parseResponseHead } from './response-head.ts'
import { accepted } from './test/heads.ts'

const OF_GET = { closes: true, method: 'GET', minor: 1 } as const

describe('errorResponse', () => {
  it('says one sentence, and that the connection closes', () => {
    expect(errorResponse(400, 'Host is missing.', OF_GET)).toBe(
      [
        'HTTP/1.1 400 Bad Request',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Length: 17',
        'Cache-Control: no-store',
        'Connection: close',
        '',
        'Host is missing.\n',
      ].join('\r\n'),
    )
  })

  it('has no content after HEAD, but its length', () => {
    const text = errorResponse(503, 'No endpoint.', { ...OF_GET, method: 'HEAD' })

    expect(text).toContain('\r\nContent-Length: 13\r\n')
    expect(text.endsWith('\r\n\r\n')).toBe(true)
  })

  it.each([
    [false, 1, true],
    [false, 0, true],
    [true, 1, false],
    [true, 0, false],
  ] as const)('keeps the connection as told: closes %s, HTTP/1.%i', (closes, minor, isKeepAlive) => {
    const text = errorResponse(503, 'No.', { closes, minor, method: 'HEAD' })

    expect(accepted(parseResponseHead(text, 'GET'))).toMatchObject({
      isKeepAlive,
      framing: { kind: 'length', bytes: 4 },
    })
    expect(text.includes('Connection: keep-alive')).toBe(minor === 0 && !closes)
  })

  it('names methods where one is not served', () => {
    expect(errorResponse(405, 'No.', OF_GET)).toContain('\r\nAllow: GET, ')
  })

  it('has nothing but ASCII in it, whatever it was told', () => {
    expect(errorResponse(400, 'a\r\nb\xe9\u20ac', OF_GET)).toContain('Content-Length: 7\r\n')
    expect(errorResponse(400, 'a\r\nb\xe9\u20ac', OF_GET).endsWith('\r\n\r\na??b??\n')).toBe(true)
  })
})
