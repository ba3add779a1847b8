import { once } from 'node:events'
import type { Service } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { get, HttpLab, poolOf, statusesOf } from './http-lab.ts'
import { HttpOrigin, response } from './http-origin.ts'

/** Origins that tell their number. */
async function numbered(count: number, scope: AsyncDisposableStack): Promise<HttpOrigin[]> {
  const origins: HttpOrigin[] = []
  for (let n = 0; n < count; n++)
    origins.push(scope.use(await HttpOrigin.answering(() => response(`origin ${n}`))))
  return origins
}

function originsIn(received: string): string[] {
  return received.match(/origin \d/g) ?? []
}

function wish(annotations: Readonly<Record<string, string>>): Partial<Service> {
  return { annotations }
}

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'

describe('requests with a header hash', () => {
  it('go to the endpoint of their header, also when twelve users share one connection', async () => {
    await using scope = new AsyncDisposableStack()
    const origins = await numbered(3, scope)
    await using http = await HttpLab.start(
      origins.map(({ endpoint }) => endpoint),
      wish({ 'edgeway.io/hash-header': 'X-User' }),
    )
    const users = Array.from({ length: 12 }, (_, n) => get('/', `x-user: user-${n}`))

    const first = originsIn(await http.exchange(...users))
    const again = originsIn(await http.exchange(...users))

    expect(again).toEqual(first)
    expect(new Set(first).size).toBe(3)
  })

  it('without that header go anywhere', async () => {
    await using scope = new AsyncDisposableStack()
    const origins = await numbered(2, scope)
    await using http = await HttpLab.start(
      origins.map(({ endpoint }) => endpoint),
      wish({ 'edgeway.io/hash-header': 'X-User' }),
    )

    const received = await http.exchange(...Array.from({ length: 60 }, () => get('/')))

    expect(new Set(originsIn(received)).size).toBe(2)
  })
})

describe('requests with a cookie hash', () => {
  const COOKIE = wish({ 'edgeway.io/hash-cookie': 'stay; Path=/shop; Max-Age=60; SameSite=Lax' })

  it('are given a cookie, by which they come to the same endpoint again, by any connection', async () => {
    await using scope = new AsyncDisposableStack()
    const origins = await numbered(3, scope)
    await using http = await HttpLab.start(
      origins.map(({ endpoint }) => endpoint),
      COOKIE,
    )

    for (let n = 0; n < 10; n++) {
      const first = await http.exchange(get('/'))
      const [, cookie = ''] =
        /^Set-Cookie: (stay=[\w-]+); Path=\/shop; Max-Age=60; SameSite=Lax; HttpOnly\r$/m.exec(first) ?? []
      expect(cookie).not.toBe('')
      const again = await http.exchange(get('/', 'Cookie: a=b', `Cookie: c=d; ${cookie}`))
      expect(originsIn(again)).toEqual(originsIn(first))
      expect(again).not.toMatch(/set-cookie/i)
    }
  })
})

describe('a request that fails', () => {
  const RETRIES = wish({ 'edgeway.io/retries': '2', 'edgeway.io/balancing': 'round-robin' })

  async function withErring(wishes: Partial<Service>, scope: AsyncDisposableStack): Promise<HttpLab> {
    const good = scope.use(await HttpOrigin.answering(() => response('good')))
    const erring = scope.use(
      await HttpOrigin.answering(() => 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'),
    )
    return scope.use(await HttpLab.start([erring.endpoint, good.endpoint], wishes))
  }

  it('is tried at another endpoint, as often as its Service wishes', async () => {
    await using scope = new AsyncDisposableStack()
    const http = await withErring(RETRIES, scope)

    expect(statusesOf(await http.exchange(...Array.from({ length: 8 }, () => get('/'))))).toEqual(
      Array.from({ length: 8 }, () => 200),
    )
  })

  it('is not tried again without that wish, and its client gets what the endpoint says', async () => {
    await using scope = new AsyncDisposableStack()
    const http = await withErring(wish({ 'edgeway.io/balancing': 'round-robin' }), scope)

    const statuses = statusesOf(await http.exchange(get('/'), get('/')))

    expect(statuses.sort()).toEqual([200, 503])
  })

  it('is not tried again where twice is not as good as once', async () => {
    await using scope = new AsyncDisposableStack()
    const http = await withErring(RETRIES, scope)
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'

    expect(statusesOf(await http.exchange(post, post)).sort()).toEqual([200, 503])
  })

  it('is not tried again once its body is on its way', async () => {
    await using scope = new AsyncDisposableStack()
    const http = await withErring(RETRIES, scope)
    const put = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody'

    // An origin of this test takes the body for the beginning of the next head: each request has a connection of its own.
    const statuses = [statusesOf(await http.exchange(put)), statusesOf(await http.exchange(put))].flat()

    expect(statuses.sort()).toEqual([200, 503])
  })

  it('is answered with 504 when its time is over', async () => {
    await using silent = await HttpOrigin.answering(() => undefined)
    await using http = await HttpLab.start([silent.endpoint], wish({ 'edgeway.io/request-timeout': '30ms' }))

    expect(statusesOf(await http.exchange(get('/')))).toEqual([504])
    expect(await http.requestsEnded(1)).toMatchObject([{ outcome: 'timeout', status: 504 }])
  })

  it('is tried at another endpoint when one try had its time', async () => {
    await using scope = new AsyncDisposableStack()
    const silent = scope.use(await HttpOrigin.answering(() => undefined))
    const good = scope.use(await HttpOrigin.answering(() => response('good')))
    await using http = await HttpLab.start([silent.endpoint, good.endpoint], {
      annotations: {
        'edgeway.io/retries': '1',
        'edgeway.io/per-try-timeout': '30ms',
        'edgeway.io/balancing': 'round-robin',
      },
    })

    expect(statusesOf(await http.exchange(get('/'), get('/')))).toEqual([200, 200])
  })

  it('leaves an endpoint out that errs too often', async () => {
    await using scope = new AsyncDisposableStack()
    const http = await withErring(
      wish({ 'edgeway.io/max-error-percent': '50', 'edgeway.io/balancing': 'round-robin' }),
      scope,
    )
    const many = Array.from({ length: 100 }, () => get('/'))

    await http.exchange(...many)

    expect(statusesOf(await http.exchange(...many)).filter((status) => status !== 200)).toEqual([])
  })
})

describe('limits of a DestinationRule', () => {
  it('let requests wait for a connection, and no more of them than are allowed', async () => {
    const answers: (() => void)[] = []
    await using origin = await HttpOrigin.serving((_, answer) => answers.push(() => answer.end('ok')))
    await using http = await HttpLab.start(
      [origin.endpoint],
      poolOf({ maxConnections: 1 }, { maxPendingRequests: 1 }),
    )
    const first = http.exchange(get('/1'))
    await expect.poll(() => answers.length).toBe(1)
    const second = http.exchange(get('/2'))
    await expect.poll(async () => statusesOf(await http.exchange(get('/3')))).toEqual([503])

    answers[0]?.()
    expect(statusesOf(await first)).toEqual([200])
    await expect.poll(() => answers.length).toBe(2)
    answers[1]?.()
    expect(statusesOf(await second)).toEqual([200])
    expect(origin.connections).toHaveLength(1)
  })

  it('refuse requests beyond those that may be under way', async () => {
    const answers: (() => void)[] = []
    await using origin = await HttpOrigin.serving((_, answer) => answers.push(() => answer.end('ok')))
    await using http = await HttpLab.start([origin.endpoint], poolOf({}, { maxRequests: 1 }))
    const first = http.exchange(get('/1'))
    await expect.poll(() => answers.length).toBe(1)

    expect(statusesOf(await http.exchange(get('/2')))).toEqual([503])
    answers[0]?.()
    expect(statusesOf(await first)).toEqual([200])
  })

  it('close a connection to an endpoint after so many requests', async () => {
    await using origin = await HttpOrigin.serving((_, answer) => answer.end('ok'))
    await using http = await HttpLab.start([origin.endpoint], poolOf({}, { maxRequestsPerConnection: 2 }))

    await http.exchange(...Array.from({ length: 6 }, () => get('/')))

    expect(origin.connections).toHaveLength(3)
  })

  it('close an idle connection to an endpoint', async () => {
    await using origin = await HttpOrigin.serving((_, answer) => answer.end('ok'))
    await using http = await HttpLab.start([origin.endpoint], poolOf({}, { idleTimeoutMs: 20 }))

    await http.exchange(get('/'))
    const [connection] = origin.connections

    if (connection?.closed === false) await once(connection, 'close')
  })

  it('close one sooner once their Service says so', async () => {
    await using origin = await HttpOrigin.serving((_, answer) => answer.end('ok'))
    await using http = await HttpLab.start([origin.endpoint], poolOf({}, { idleTimeoutMs: 3_600_000 }))
    await http.exchange(get('/'))

    http.change(poolOf({}, { idleTimeoutMs: 20 }))
    await http.exchange(get('/'))
    const connection = origin.connections.at(-1)

    if (connection?.closed === false) await once(connection, 'close')
    expect(origin.connections).toHaveLength(2)
  })

  it('count connections that have switched protocols', async () => {
    await using origin = await HttpOrigin.answering((head) =>
      head.startsWith('GET /socket') ? SWITCHING : response('next'),
    )
    const limits = poolOf({ maxConnections: 1 }, { maxPendingRequests: 1 })
    await using http = await HttpLab.start([origin.endpoint], limits)
    const socket = await http.connect()
    socket.write(get('/socket', 'Connection: Upgrade', 'Upgrade: echo'))
    await once(socket, 'data')

    const next = http.exchange(get('/next'))
    await expect.poll(async () => statusesOf(await http.exchange(get('/refused')))).toEqual([503])
    socket.end()

    expect(statusesOf(await next)).toEqual([200])
    expect(origin.connections).toHaveLength(2)
  })

  it('let requests go on that waited, once they are raised', async () => {
    await using origin = await HttpOrigin.answering((head) =>
      head.startsWith('GET /next') ? response('next') : SWITCHING,
    )
    const limits = poolOf({ maxConnections: 1 }, { maxPendingRequests: 1 })
    await using http = await HttpLab.start([origin.endpoint], limits)
    const [first, second] = [await http.connect(), await http.connect()]
    const upgrade = get('/socket', 'Connection: Upgrade', 'Upgrade: echo')
    first.write(upgrade)
    await once(first, 'data')
    const waiting = http.exchange(get('/next'))
    await expect.poll(async () => statusesOf(await http.exchange(get('/refused')))).toEqual([503])

    http.change(poolOf({ maxConnections: 3 }))
    // It keeps its connection: nothing is given back.
    second.write(upgrade)

    expect(statusesOf(await waiting)).toEqual([200])
    for (const socket of [first, second]) socket.end()
  })
})

describe('an endpoint that is told by the PROXY protocol who calls', () => {
  it('hears it on each connection, none of which serves two requests', async () => {
    await using origin = await HttpOrigin.raw((socket) => {
      let received = Buffer.alloc(0)
      socket.on('data', (bytes) => {
        received = Buffer.concat([received, bytes])
        if (received.includes('\r\n\r\n', 28)) socket.end(response(received.subarray(16, 20).join('.')))
      })
    })
    await using http = await HttpLab.start([origin.endpoint], wish({ 'edgeway.io/proxy-protocol': 'v2' }))

    const received = await http.exchange(get('/'), get('/'))

    expect(received.match(/127\.0\.1\.1/g)).toHaveLength(2)
    expect(origin.connections).toHaveLength(2)
  })
})
