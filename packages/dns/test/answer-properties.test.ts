/** What holds for every answer of the cluster's zones, whatever is asked. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeQuery } from '../src/message.ts'
import { RCODE } from '../src/wire/codes.ts'
import { encodeResponse } from '../src/wire/response.ts'
import { decode, queryOf, rcodeIn } from './support/query.ts'
import { type AskedType, aliasService, ZoneUnderTest, zoneEndpoint, zoneService } from './support/zone.ts'

const LABELS = ['web', 'db', 'db-0', 'alias', 'shop', '_sql', '_tcp', '10-1-0-7', 'nope', 'svc', 'pod', 'x']
const TYPES: readonly AskedType[] = ['A', 'AAAA', 'SRV', 'PTR', 'TXT', 'CNAME', 'MX', 'ANY']

function cluster(): ZoneUnderTest {
  const zone = new ZoneUnderTest()
  zone.directory.set(zoneService('shop/web', [['sql', 80]], { clusterIps: ['10.96.0.1'] }))
  const endpoints = Array.from({ length: 40 }, (_, n) => zoneEndpoint(`10.1.0.${n}`, { hostname: `db-${n}` }))
  zone.directory.set(zoneService('shop/db', [['sql', 5432]]), endpoints)
  zone.directory.set(aliasService('shop/alias', 'db.shop.svc.cluster.local'))
  return zone
}

/** Names in and below the cluster's domain, those that exist among them, in any case. */
const name = fc
  .tuple(
    fc.array(fc.constantFrom(...LABELS), { maxLength: 5 }),
    fc.constantFrom('', 'shop.svc.'),
    fc.infiniteStream(fc.boolean()),
  )
  .map(([labels, branch, capitals]) => {
    const text = [...labels, `${branch}cluster.local`].join('.')
    return [...text]
      .map((letter) => (capitals.next().value === true ? letter.toUpperCase() : letter))
      .join('')
  })

const asked = fc.record({
  name,
  type: fc.constantFrom(...TYPES),
  id: fc.nat(65_535),
  udpPayloadSize: fc.constantFrom(0, 512, 1_232),
})

/** The response to a query, and both as sent. */
function respond(
  zone: ZoneUnderTest,
  {
    name: text,
    type,
    id,
    udpPayloadSize,
  }: { name: string; type: AskedType; id: number; udpPayloadSize: number },
) {
  const message = queryOf(text, type, { id, udpPayloadSize })
  const decoded = decodeQuery(message)
  const answer = zone.answer(text, type)
  if (decoded.kind !== 'query' || answer === undefined) throw new Error('the zone answers all of its names')
  const response = encodeResponse(decoded.query, answer.content, Math.max(512, udpPayloadSize))
  return { message, response, question: decoded.query.question }
}

describe('every answer of the cluster zone', () => {
  it('has the id of the query, and its question byte by byte, in its case', () => {
    using zone = cluster()
    fc.assert(
      fc.property(asked, (query) => {
        const { message, response, question } = respond(zone, query)
        expect(response.readUInt16BE(0)).toBe(message.readUInt16BE(0))
        expect(response.subarray(12, 12 + question.length)).toEqual(question)
        expect(response.length).toBeLessThanOrEqual(Math.max(512, query.udpPayloadSize))
      }),
      { numRuns: 500 },
    )
  })

  it('has records, or the SOA record of the zone, or less than all there is and TC', () => {
    using zone = cluster()
    fc.assert(
      fc.property(asked, (query) => {
        const { answers = [], authorities = [], flag_tc: isTruncated } = decode(respond(zone, query).response)
        // A CNAME alone is an answer to those who asked for it; others asked what is behind it (RFC 2308 section 2.2).
        const isAlias = query.type === 'CNAME' || query.type === 'ANY'
        const isNegative = !isTruncated && answers.every(({ type }) => type === 'CNAME' && !isAlias)
        expect(authorities.map(({ type }) => type)).toEqual(isNegative ? ['SOA'] : [])
      }),
      { numRuns: 500 },
    )
  })

  it('says "no such name" for all types of a name alike, so that resolvers that ask two at once find one', () => {
    using zone = cluster()
    fc.assert(
      fc.property(name, fc.constantFrom(...TYPES), (text, type) => {
        const of = (other: AskedType) =>
          rcodeIn(respond(zone, { name: text, type: other, id: 1, udpPayloadSize: 0 }).response) ===
          RCODE.NXDOMAIN
        expect(of(type)).toBe(of('A'))
      }),
      { numRuns: 500 },
    )
  })
})
