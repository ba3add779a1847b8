import { Duplex } from 'node:stream'
import type { Dialer } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { Holder } from './test/holder.ts'
import { connectHttp2 } from './test/http2-client.ts'
import { answering, startHttp2Endpoint } from './test/http2-endpoint.ts'
import { Http2Lab } from './test/http2-lab.ts'
import { limited } from './test/pool-wishes.ts'

/** More than there are sessions with an endpoint at one time. */
const MANY = 20

describe('sessions that take no new requests', () => {
  it('are not in the way of new ones, however long their streams last', async () => {
    const holder = new Holder()
    await using endpoint = await startHttp2Endpoint((served) => {
      holder.hold(served)
      served.stream.session?.close()
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const calls: Promise<{ readonly body: string }>[] = []
    while (calls.length < MANY) {
      calls.push(client.get('/'))
      while (holder.held.length < calls.length) await new Promise(setImmediate)
    }

    holder.release('whole')
    expect((await Promise.all(calls)).every(({ body }) => body === 'whole')).toBe(true)
  })

  it('since they have had their number of requests are replaced for those that wait', async () => {
    const holder = new Holder()
    await using endpoint = await startHttp2Endpoint(holder.hold)
    const service = limited({ maxRequestsPerConnection: 1 })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using client = await connectHttp2(lab.url)
    const calls = Array.from({ length: MANY }, () => client.get('/'))
    while (holder.held.length < MANY) await new Promise(setImmediate)

    expect(endpoint.sessions.size).toBe(MANY)
    holder.release('whole')
    expect((await Promise.all(calls)).every(({ body }) => body === 'whole')).toBe(true)
  })

  it('are replaced when all of them are going away', async () => {
    const holder = new Holder()
    await using endpoint = await startHttp2Endpoint(holder.hold)
    const service = limited({ maxConcurrentStreams: 1 })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using client = await connectHttp2(lab.url)
    const calls = Array.from({ length: 17 }, () => client.get('/'))
    while (holder.held.length < 16) await new Promise(setImmediate)
    for (const session of endpoint.sessions) session.close()
    while (holder.held.length < 17) await new Promise(setImmediate)

    holder.release('whole')
    expect((await Promise.all(calls)).every(({ body }) => body === 'whole')).toBe(true)
  })
})

describe('a connection to an endpoint', () => {
  it.each([
    ['before', (stream: Duplex) => void stream.destroy()],
    ['as soon as', (stream: Duplex) => void process.nextTick(() => stream.destroy())],
  ])('that broke %s it was there leaves no request waiting', async (_when, breakOff) => {
    await using endpoint = await startHttp2Endpoint(answering('by another connection'))
    const dialer: Dialer = {
      dial: async () => {
        const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
        breakOff(stream)
        return { path: 'relayed', stream, reset: () => void stream.destroy() }
      },
    }
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], dialer })
    await using client = await connectHttp2(lab.url)

    expect([502, 503]).toContain((await client.get('/')).status)
    expect((await lab.ended(1))[0]).toMatchObject({ outcome: expect.stringMatching('failed') })
  })
})
