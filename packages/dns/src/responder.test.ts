import { FakeServiceDirectory, MemoryLogger, MemoryMetrics, serviceOf } from '@edgeway/testbed'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answersIn, decode, queryOf, rcodeIn } from '../test/support/query.ts'
import type { Handler } from './handler.ts'
import { dnsMetrics } from './metrics.ts'
import { Responder } from './responder.ts'
import { RCODE } from './wire/codes.ts'
import { clusterZone } from './zone/cluster-zone.ts'

function responderOf(handler: Handler) {
  const logger = new MemoryLogger()
  const metrics = new MemoryMetrics()
  const responder = new Responder(
    { maxUdpPayloadBytes: 1_232 },
    { handler, logger, metrics: dnsMetrics(metrics).responder },
  )
  return { responder, logger, metrics }
}

function clusterResponder() {
  const directory = new FakeServiceDirectory()
  const ips = Array.from({ length: 50 }, (_, i) => `10.96.0.${i}`)
  directory.set(serviceOf('shop/web:http', '10.96.0.1', 80))
  directory.set({ ...serviceOf('shop/many', '', 80), clusterIps: ips })
  return responderOf(clusterZone({ clusterDomain: 'cluster.local', ttlSeconds: 5 }, directory))
}

const udp = { transport: 'udp' } as const

describe('Responder', () => {
  it.each<[string, Handler]>([
    [
      'throws',
      () => {
        throw new Error('defect')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('defect')
      },
    ],
  ])('answers SERVFAIL and says why when a handler %s', async (_what, handler) => {
    const { responder, logger } = responderOf(handler)

    expect(rcodeIn((await responder.respond(queryOf('a.b'), udp)) ?? Buffer.alloc(4))).toBe(RCODE.SERVFAIL)
    expect(logger.lines).toMatchObject([{ level: 'error', fields: { error: { message: 'defect' } } }])
  })

  it.each<[string, Handler]>([
    ['at once', () => undefined],
    ['later', async () => undefined],
  ])('answers SERVFAIL when no handler answers, %s', async (_what, handler) => {
    const { responder } = responderOf(handler)

    expect(rcodeIn((await responder.respond(queryOf('a.b'), udp)) ?? Buffer.alloc(4))).toBe(RCODE.SERVFAIL)
  })

  it.each<[number, number, boolean]>([
    [0, 29, true],
    [512, 28, true],
    [1_232, 50, false],
    [65_535, 50, false],
  ])('respects an EDNS size of %i', async (udpPayloadSize, answers, isTruncated) => {
    const { responder } = clusterResponder()
    const query = queryOf('many.shop.svc.cluster.local', 'A', { udpPayloadSize })
    const response = (await responder.respond(query, udp)) ?? Buffer.alloc(0)

    expect(answersIn(response)).toHaveLength(answers)
    expect(decode(response).flag_tc).toBe(isTruncated)
    const whole = await responder.respond(query, { transport: 'tcp' })
    expect(answersIn(whole ?? Buffer.alloc(0))).toHaveLength(50)
  })

  it('counts what it refused, without a type where none can be read', async () => {
    const { responder, metrics } = clusterResponder()
    void responder.respond(Buffer.alloc(12), udp)
    void responder.respond(queryOf('a.b', 'AXFR'), udp)

    const labels = { zone: 'none', transport: 'udp' }
    expect(metrics.value('edgeway_dns_queries_total', { ...labels, rcode: 'FORMERR', type: 'none' })).toBe(1)
    expect(metrics.value('edgeway_dns_queries_total', { ...labels, rcode: 'REFUSED', type: 'AXFR' })).toBe(1)
  })

  it('answers any bytes with nothing, or with a well-formed response to their id', () => {
    const { responder, logger } = clusterResponder()
    const seeds = [
      queryOf('web.shop.svc.cluster.local', 'A', { udpPayloadSize: 1_232 }),
      queryOf('many.shop.svc.cluster.local'),
    ]
    const bytes = fc
      .tuple(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(70), fc.nat(255)), { maxLength: 5 }),
        fc.nat(70),
      )
      .map(([seed, writes, length]) => {
        const mutated = Buffer.concat([seed, seed]).subarray(0, length < 20 ? length : seed.length)
        for (const [offset, byte] of writes) if (offset < mutated.length) mutated[offset] = byte
        return mutated
      })

    fc.assert(
      fc.property(
        fc.oneof(
          { weight: 5, arbitrary: bytes },
          fc.uint8Array({ maxLength: 100 }).map((all) => Buffer.from(all)),
        ),
        (message) => {
          const response = responder.respond(message, udp)
          if (response instanceof Promise) throw new Error('the cluster zone answers at once')
          if (response === undefined) return
          expect(response.length).toBeLessThanOrEqual(1_232)
          expect(decode(response)).toMatchObject({ id: message.readUInt16BE(0), flag_qr: true })
        },
      ),
      { numRuns: 5_000 },
    )
    expect(logger.lines).toEqual([])
  })
})
