import { AUTHENTIC_DATA, CHECKING_DISABLED, RECURSION_DESIRED } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { queryOf } from '../../test/support/query.ts'
import { decodeQuery } from '../message.ts'
import { cacheKey } from './cache-key.ts'

function key(...args: Parameters<typeof queryOf>): string {
  const decoded = decodeQuery(queryOf(...args))
  if (decoded.kind !== 'query') throw new Error('the test asks well')
  return cacheKey(decoded.query)
}

const plain = key('www.example.com')

describe('cacheKey', () => {
  it.each([
    ['case', key('wWw.eXample.COM')],
    ['id', key('www.example.com', 'A', { id: 7 })],
    ['EDNS', key('www.example.com', 'A', { udpPayloadSize: 4_096 })],
    ['AD', key('www.example.com', 'A', { flags: RECURSION_DESIRED | AUTHENTIC_DATA })],
  ])('is the same whatever the %s', (_what, other) => {
    expect(other).toBe(plain)
  })

  it('differs by name, type, RD, CD and DO', () => {
    const others = [
      key('www.example.org'),
      key('www.example.com', 'AAAA'),
      key('www.example.com', 'TXT'),
      key('www.example.com', 'A', { flags: 0 }),
      key('www.example.com', 'A', { flags: RECURSION_DESIRED | CHECKING_DISABLED }),
      key('www.example.com', 'A', { udpPayloadSize: 1_232, dnssecOk: true }),
    ]

    expect(new Set([plain, ...others]).size).toBe(7)
  })

  it('tells types apart whose codes are letters of different case', () => {
    const message = queryOf('www.example.com')
    const ofType = (type: number): string => {
      message.writeUInt16BE(type, message.length - 4)
      const decoded = decodeQuery(message)
      return decoded.kind === 'query' ? cacheKey(decoded.query) : ''
    }

    expect(ofType(65)).not.toBe(ofType(97))
  })
})
