import { once } from 'node:events'
import { constants } from 'node:http2'
import { NO_CONNECTION_POOL } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { Holder } from './test/holder.ts'
import { answerTo, connectHttp2, requestFields } from './test/http2-client.ts'
import { answering, startHttp2Endpoint } from './test/http2-endpoint.ts'
import { Http2Lab } from './test/http2-lab.ts'
import { limited } from './test/pool-wishes.ts'

const ROUND_ROBIN = {
  destinationPolicy: {
    balancing: { kind: 'round-robin' },
    connectionPool: NO_CONNECTION_POOL,
    outlierDetection: undefined,
  },
} as const

describe('sessions with endpoints', () => {
  it('carry the requests of one client to all endpoints, each over one session', async () => {
    await using one = await startHttp2Endpoint(answering('one'))
    await using two = await startHttp2Endpoint(answering('two'))
    await using three = await startHttp2Endpoint(answering('three'))
    const endpoints = [one.endpoint, two.endpoint, three.endpoint]
    await using lab = await Http2Lab.start({ endpoints, service: ROUND_ROBIN })
    await using client = await connectHttp2(lab.url)

    for (let count = 0; count < 10; count++)
      await Promise.all(Array.from({ length: 30 }, () => client.get('/')))

    expect([one, two, three].map(({ seen }) => seen.length)).toEqual([100, 100, 100])
    expect([one, two, three].map(({ sessions }) => sessions.size)).toEqual([1, 1, 1])
  })

  it('are shared by clients, but not where the endpoint is told who calls', async () => {
    await using endpoint = await startHttp2Endpoint(answering('one'))
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using first = await connectHttp2(lab.url)
    await using second = await connectHttp2(lab.url)
    await first.get('/')
    await second.get('/')

    expect(endpoint.sessions.size).toBe(1)
  })

  it('are as many as the endpoint, or the Service, makes necessary; then requests wait', async () => {
    const holder = new Holder()
    await using endpoint = await startHttp2Endpoint(holder.hold, { maxConcurrentStreams: 4 })
    await using lab = await Http2Lab.start({
      endpoints: [endpoint.endpoint],
      service: limited({ maxConcurrentStreams: 2 }),
    })
    await using client = await connectHttp2(lab.url)
    const calls = Array.from({ length: 40 }, () => client.get('/'))
    while (holder.held.length < 32) await new Promise(setImmediate)

    expect(endpoint.sessions.size).toBe(16)
    let isOver = false
    const all = Promise.all(calls).finally(() => {
      isOver = true
    })
    while (!isOver) {
      holder.release('done')
      await new Promise(setImmediate)
    }
    expect((await all).every(({ body }) => body === 'done')).toBe(true)
  })

  it('have so many that wait, and no more', async () => {
    const holder = new Holder()
    await using endpoint = await startHttp2Endpoint(holder.hold)
    const service = limited({ maxPendingRequests: 1 })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using client = await connectHttp2(lab.url)
    const [first, second] = [client.get('/'), client.get('/')]

    expect(await second).toMatchObject({ status: 503 })
    while (holder.held.length === 0) await new Promise(setImmediate)
    holder.release('done')
    expect(await first).toMatchObject({ status: 200 })
  })

  it('end after so many requests as the Service wishes', async () => {
    await using endpoint = await startHttp2Endpoint(answering('one'))
    let sessions = 0
    const service = limited({ maxRequestsPerConnection: 3 })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using client = await connectHttp2(lab.url)
    for (let count = 0; count < 9; count++) await client.get('/')
    sessions = lab.heard.filter((word) => word === 'connected').length

    expect(sessions).toBe(3)
    expect(lab.records.every(({ outcome }) => outcome === 'completed')).toBe(true)
  })

  it('take no new requests after a GOAWAY, while those under way end', async () => {
    const holder = new Holder()
    await using going = await startHttp2Endpoint(holder.hold)
    await using lab = await Http2Lab.start({ endpoints: [going.endpoint] })
    await using client = await connectHttp2(lab.url)
    const first = client.get('/')
    while (holder.held.length === 0) await new Promise(setImmediate)
    const [session] = going.sessions
    session?.close()
    const second = client.get('/')
    while (holder.held.length < 2) await new Promise(setImmediate)

    expect(going.sessions.size).toBe(2)
    holder.release('whole')
    expect(await first).toMatchObject({ body: 'whole', rstCode: 0 })
    expect(await second).toMatchObject({ body: 'whole', rstCode: 0 })
  })

  it('hand on what a GOAWAY says was not looked at', async () => {
    let isFirst = true
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      if (isFirst) stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, -1)
      else answering('later')({ stream, headers: {}, fields: [] })
      isFirst = false
    })
    endpoint.sessions.clear()
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)

    expect(await client.get('/')).toMatchObject({ status: 502 })
    expect(await client.get('/')).toMatchObject({ body: 'later' })
  })

  it('let the requests of an endpoint end that is listed no longer', async () => {
    const holder = new Holder()
    await using old = await startHttp2Endpoint(holder.hold)
    await using fresh = await startHttp2Endpoint(answering('fresh'))
    await using lab = await Http2Lab.start({ endpoints: [old.endpoint] })
    await using client = await connectHttp2(lab.url)
    const first = client.get('/')
    while (holder.held.length === 0) await new Promise(setImmediate)
    const [session] = old.sessions
    const closed = once(session ?? expect.fail(), 'close')
    lab.set({}, [fresh.endpoint])

    expect(await client.get('/')).toMatchObject({ body: 'fresh' })
    holder.release('old')
    expect(await first).toMatchObject({ body: 'old', rstCode: 0 })
    await closed
  })

  it('end when nothing has used them for a while', async () => {
    await using endpoint = await startHttp2Endpoint(answering('one'))
    const service = limited({ idleTimeoutMs: 20 })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using client = await connectHttp2(lab.url)
    await client.get('/')
    const [session] = endpoint.sessions
    await once(session ?? expect.fail(), 'close')

    expect(await client.get('/')).toMatchObject({ body: 'one' })
  })
})

describe('sessions with clients', () => {
  it('end with a GOAWAY when the agent stops, after their requests', async () => {
    const holder = new Holder()
    await using endpoint = await startHttp2Endpoint(holder.hold)
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const first = client.get('/')
    while (holder.held.length === 0) await new Promise(setImmediate)
    const goaway = once(client.session, 'goaway')
    const flows = [...lab.flows]
    for (const flow of flows) flow.drain?.()

    expect((await goaway).slice(0, 2)).toEqual([constants.NGHTTP2_NO_ERROR, 1])
    holder.release('whole')
    expect(await first).toMatchObject({ body: 'whole', rstCode: 0 })
    await Promise.all(flows.map(({ ended }) => ended))
    expect((await lab.ended(1))[0]).toMatchObject({ outcome: 'completed' })
  })

  it('are cut, with what is under way', async () => {
    const holder = new Holder()
    await using endpoint = await startHttp2Endpoint(holder.hold)
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const answer = answerTo(client.open(requestFields('GET', '/'), { endStream: true }))
    while (holder.held.length === 0) await new Promise(setImmediate)
    const flows = [...lab.flows]
    for (const flow of flows) flow.cut()
    await Promise.all(flows.map(({ ended }) => ended))

    expect((await answer).body).toBe('')
    expect((await lab.ended(1))[0]).toMatchObject({ outcome: 'cut' })
  })

  it('end when their client has no request for a while', async () => {
    await using endpoint = await startHttp2Endpoint(answering('one'))
    await using lab = await Http2Lab.start({
      endpoints: [endpoint.endpoint],
      options: { clientIdleTimeoutMs: 20 },
    })
    await using client = await connectHttp2(lab.url)
    await client.get('/')
    await once(client.session, 'close')

    expect(client.session.destroyed).toBe(true)
  })
})
