import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { decode, queryOf, rcodeIn } from '../../test/support/query.ts'
import { addressRecord, optRecord, replyOf } from '../../test/support/reply.ts'
import { type Answer, emptyAnswer } from '../handler.ts'
import { dnsMetrics } from '../metrics.ts'
import { Responder } from '../responder.ts'
import { RCODE } from './codes.ts'
import { INFO_CODE, readExtendedError } from './extended-error.ts'

const WITH_EDNS = queryOf('www.example.com', 'A', { udpPayloadSize: 1_232 })

function respond(answer: Answer | undefined, message = WITH_EDNS): Buffer {
  const responder = new Responder(
    { maxUdpPayloadBytes: 1_232 },
    { handler: () => answer, logger: new MemoryLogger(), metrics: dnsMetrics(new MemoryMetrics()).responder },
  )
  const response = responder.respond(message, { transport: 'udp' })
  if (!Buffer.isBuffer(response)) throw new Error('the test answers at once')
  return response
}

/** The extended errors as a client reads them. */
function errorsIn(response: Buffer) {
  const [opt] = decode(response).additionals ?? []
  if (opt?.type !== 'OPT') return undefined
  return opt.options.map((option) => {
    const data = 'data' in option ? option.data : undefined
    if (Number(option.code) !== 15 || !Buffer.isBuffer(data)) throw new Error('no extended error')
    return { infoCode: data.readUInt16BE(0), text: data.toString('utf8', 2) }
  })
}

const serverFailure = (rule: Answer['rule']) => emptyAnswer('forward', rule, RCODE.SERVFAIL)

/** An upstream's answer that was kept and has expired. */
function stale(rcode: number): Answer {
  const message = replyOf(queryOf('www.example.com'), { flags: rcode })
  const ttl = { ageSeconds: 90, staleTtlSeconds: 30 }
  return { zone: 'forward', rule: 'cache-stale', content: { kind: 'cached', message, ttlOffsets: [], ttl } }
}

function relayed(message: Buffer): Answer {
  return { zone: 'forward', rule: 'upstream', content: { kind: 'message', message } }
}

describe('extended errors', () => {
  it.each<[Answer, number]>([
    [serverFailure('directory-not-loaded'), INFO_CODE.NOT_READY],
    [serverFailure('stopping'), INFO_CODE.NOT_READY],
    [serverFailure('no-upstream'), INFO_CODE.NO_REACHABLE_AUTHORITY],
    [serverFailure('upstreams-failed'), INFO_CODE.NO_REACHABLE_AUTHORITY],
    [serverFailure('cache-failure'), INFO_CODE.CACHED_ERROR],
    [serverFailure('overloaded'), INFO_CODE.OTHER],
    [serverFailure('internal-error'), INFO_CODE.OTHER],
    [stale(RCODE.NOERROR), INFO_CODE.STALE_ANSWER],
    [stale(RCODE.NXDOMAIN), INFO_CODE.STALE_NXDOMAIN],
  ])('tell why: $0.rule is $1', (answer, infoCode) => {
    expect(errorsIn(respond(answer))).toEqual([{ infoCode, text: expect.stringMatching(/^[ -~]{10,60}$/) }])
  })

  it.each<[string, Buffer, number]>([
    ['another class', Buffer.from(WITH_EDNS), INFO_CODE.NOT_SUPPORTED],
    ['a zone transfer', queryOf('a.b', 'AXFR', { udpPayloadSize: 1_232 }), INFO_CODE.PROHIBITED],
  ])('tell why %s is refused', (what, message, infoCode) => {
    if (what === 'another class') message.writeUInt16BE(3, 12 + 17 + 2)
    const response = respond(undefined, message)

    expect(rcodeIn(response)).toBe(RCODE.REFUSED)
    expect(errorsIn(response)).toMatchObject([{ infoCode }])
  })

  it('tell which version of EDNS is served, beside the upper bits of the code', () => {
    const message = Buffer.from(WITH_EDNS)
    message.writeUInt8(1, message.length - 5)
    const response = respond(undefined, message)

    expect(errorsIn(response)).toMatchObject([{ infoCode: INFO_CODE.NOT_SUPPORTED }])
    expect(decode(response).additionals).toMatchObject([{ extendedRcode: 1 }])
  })

  it('are for clients with EDNS only', () => {
    expect(errorsIn(respond(serverFailure('no-upstream'), queryOf('www.example.com')))).toBeUndefined()
    expect(errorsIn(respond(undefined, queryOf('a.b', 'AXFR')))).toBeUndefined()
  })

  it('are not in answers that need no explanation', () => {
    const answers = [addressRecord('www.example.com', 60)]
    const good = replyOf(WITH_EDNS, { answers, additionals: [optRecord()] })

    expect(errorsIn(respond(relayed(good)))).toEqual([])
    expect(errorsIn(respond(emptyAnswer('cluster', 'absent', RCODE.NXDOMAIN)))).toEqual([])
  })

  it("pass on an upstream's own, and stand for it where it has none", () => {
    const data = Buffer.from('\0\u0006bogus', 'latin1')
    // Its types lack options that it does not know.
    const options = [{ code: 15, data }] as unknown as ReturnType<typeof optRecord>['options']
    const own = replyOf(WITH_EDNS, { flags: 2, additionals: [{ ...optRecord(), options }] })
    expect(errorsIn(respond(relayed(own)))).toEqual([{ infoCode: 6, text: 'bogus' }])

    for (const additionals of [[optRecord()], []]) {
      const response = respond(relayed(replyOf(WITH_EDNS, { flags: 2, additionals })))
      expect(rcodeIn(response)).toBe(RCODE.SERVFAIL)
      expect(errorsIn(response)).toMatchObject([{ infoCode: INFO_CODE.NETWORK_ERROR }])
    }
  })

  it('never make an answer too large', () => {
    const records = Array.from({ length: 29 }, () => addressRecord('www.example.com', 60))
    const message = replyOf(queryOf('www.example.com'), { answers: records.slice(0, 15) })
    const ttl = { ageSeconds: 90, staleTtlSeconds: 30 }
    const content = { kind: 'cached', message, ttlOffsets: [], ttl } as const
    const query = queryOf('www.example.com', 'A', { udpPayloadSize: 512 })
    const response = respond({ zone: 'forward', rule: 'cache-stale', content }, query)

    expect(decode(response)).toMatchObject({ flag_tc: false })
    expect(response.length).toBeLessThanOrEqual(512)
    expect(errorsIn(response)).toEqual([])
  })

  it('are read back for people', () => {
    const option = Buffer.from([0, 15, 0, 4, 0, 3, 0x61, 0x62, 0xff])
    expect(readExtendedError(option)).toEqual({ infoCode: 3, text: 'ab' })
  })
})
