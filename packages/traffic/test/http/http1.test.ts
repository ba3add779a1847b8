import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { endpointsOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { DEFAULT_TRAFFIC_OPTIONS } from '../../src/index.ts'
import { eventually, failure, NODE } from '../traffic-lab.ts'
import { get, HttpLab, RELAY_ENGINES, statusesOf } from './http-lab.ts'
import { HttpOrigin, response } from './http-origin.ts'

const HTTP = DEFAULT_TRAFFIC_OPTIONS.http
const MIB = 1024 * 1024

describe.each(RELAY_ENGINES)('HTTP/1.1 by relay engine %s', (relayEngine) => {
  const start = (
    endpoints: Parameters<typeof HttpLab.start>[0],
    wishes: Parameters<typeof HttpLab.start>[1] = {},
  ): Promise<HttpLab> => HttpLab.start(endpoints, wishes, { relayEngine })

  it('answers requests that are sent at once, in order, by one connection to the endpoint', async () => {
    await using origin = await HttpOrigin.serving(({ url }, answer) => answer.end(`at ${url}`))
    await using http = await start([origin.endpoint])

    const received = await http.exchange(...Array.from({ length: 100 }, (_, n) => get(`/${n}`)))

    expect([...received.matchAll(/at (\/\d+)/g)].map(([, path]) => path)).toEqual(
      Array.from({ length: 100 }, (_, n) => `/${n}`),
    )
    expect(origin.connections).toHaveLength(1)
  })

  it('uses one connection to the endpoint for the requests of many clients, one after the other', async () => {
    await using origin = await HttpOrigin.serving((_, answer) => answer.end('ok'))
    await using http = await start([origin.endpoint])

    for (let n = 0; n < 20; n++) expect(await http.exchange(get('/'))).toContain('ok')

    expect(origin.connections).toHaveLength(1)
  })

  it('says who calls, in addition to what the client says', async () => {
    await using origin = await HttpOrigin.serving(({ headers }, answer) =>
      answer.end(JSON.stringify([headers['x-forwarded-for'], headers.forwarded, headers.connection])),
    )
    await using http = await start([origin.endpoint])

    expect(
      await http.exchange(
        get('/', 'X-Forwarded-For: 192.0.2.1', 'Connection: keep-alive, x-secret', 'X-Secret: 1'),
      ),
    ).toContain('["192.0.2.1, 127.0.1.1",null,"keep-alive"]'.replace('"keep-alive"', 'null'))
  })

  it('carries bodies of both sorts of framing both ways unchanged', async () => {
    await using origin = await HttpOrigin.serving((asked, answer) => void asked.pipe(answer))
    await using http = await start([origin.endpoint])
    const body = Buffer.alloc(20 * MIB, 'edgeway')

    for (const headers of [{ 'content-length': body.length }, { 'transfer-encoding': 'chunked' }]) {
      const socket = await http.connect()
      const asked = request({ createConnection: () => socket, method: 'POST', headers })
      asked.end(body)
      const [answer] = await once(asked, 'response')
      const hash = createHash('sha256')
      for await (const chunk of answer) hash.update(chunk)
      expect(hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'))
    }
  })

  it('passes trailers on, both ways', async () => {
    await using origin = await HttpOrigin.serving((asked, answer) => {
      asked.resume().on('end', () => {
        answer.writeHead(200, { trailer: 'x-sum' })
        answer.write('body')
        answer.addTrailers({ 'x-sum': String(asked.trailers['x-mine']) })
        answer.end()
      })
    })
    await using http = await start([origin.endpoint])

    const received = await http.exchange(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Mine\r\n\r\n3\r\nabc\r\n0\r\nX-Mine: 7\r\n\r\n',
    )

    expect(received).toMatch(/0\r\nx-sum: 7\r\n\r\n$/i)
  })

  it('waits for nothing: each byte of a request and a response may come alone', async () => {
    await using origin = await HttpOrigin.answering((_, socket) => {
      const bytes = response('slowly')
      void (async () => {
        for (const byte of bytes)
          await new Promise<void>((done) => socket.write(byte, 'latin1', () => done()))
      })()
      return undefined
    })
    await using http = await start([origin.endpoint])
    const client = await http.connect()

    for (const byte of get('/', 'Connection: close'))
      await new Promise<void>((done) => client.write(byte, 'latin1', () => done()))

    expect(await text(client)).toBe(response('slowly', 'Connection: close'))
    client.end()
  })

  it('passes interim responses on, and 100 before the body is sent', async () => {
    await using origin = await HttpOrigin.serving((asked, answer) => {
      answer.writeEarlyHints({ link: '</a.css>; rel=preload' })
      asked.pipe(answer)
    })
    await using http = await start([origin.endpoint])
    const client = (await http.connect()).setEncoding('latin1')
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
    )
    const [first] = await once(client, 'data')
    client.write('body')

    expect(first).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
    const rest = await text(client)
    client.end()
    expect(statusesOf(first + rest)).toEqual([100, 103, 200])
    expect(rest).toMatch(/body/)
  })

  it('knows which responses have no body', async () => {
    await using origin = await HttpOrigin.answering((head) => {
      if (head.startsWith('HEAD')) return 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'
      if (head.startsWith('GET /204')) return 'HTTP/1.1 204 No Content\r\n\r\n'
      if (head.startsWith('GET /304')) return 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n'
      return response('last')
    })
    await using http = await start([origin.endpoint])
    const head = get('/').replace('GET', 'HEAD')

    const received = await http.exchange(head, get('/204'), get('/304'), get('/last'))

    expect(statusesOf(received)).toEqual([200, 204, 304, 200])
    expect(received).toMatch(/last$/)
    expect(origin.connections).toHaveLength(1)
  })

  it('ends the connection of a client where the end is the end of the response', async () => {
    await using origin = await HttpOrigin.answering((_, socket) => {
      socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end')
      return undefined
    })
    await using http = await start([origin.endpoint])

    expect(await http.exchange(get('/'))).toBe('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end')
  })

  it('takes the chunks off for a client of HTTP/1.0', async () => {
    await using origin = await HttpOrigin.answering(
      () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
    )
    await using http = await start([origin.endpoint])

    const received = await http.exchange('GET / HTTP/1.0\r\n\r\n')

    expect(received).not.toMatch(/chunked/i)
    expect(received).toMatch(/\r\n\r\nhello world$/)
  })

  it('keeps the connection of a client of HTTP/1.0 that asks for it', async () => {
    await using origin = await HttpOrigin.answering((head) =>
      response(/^host: .*$/im.exec(head)?.[0] ?? 'none'),
    )
    await using http = await start([origin.endpoint])
    const ask = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'

    const received = await http.exchange(ask, ask)

    expect(received.match(/Host: 10\.96\.0\.1:80/g)).toHaveLength(2)
    expect(received.match(/Connection: keep-alive/g)).toHaveLength(2)
  })

  it('is a pipe once the endpoint has switched protocols', async () => {
    await using origin = await HttpOrigin.serving(() => {})
    const switched = Promise.withResolvers<Duplex>()
    origin.onUpgrade((_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst')
      switched.resolve(socket)
      socket.pipe(socket)
    })
    await using http = await start([origin.endpoint])
    const client = (await http.connect()).setEncoding('latin1')
    client.write(`${get('/', 'Connection: Upgrade', 'Upgrade: echo')}early`)

    let received = ''
    client.on('data', (chunk) => (received += chunk))
    await eventually(() => (received.endsWith('firstearly') ? true : undefined))
    client.end('more')
    await once(client, 'close')

    expect(received).toMatch(/^HTTP\/1\.1 101 .*\r\n(.*\r\n)*\r\nfirstearlymore$/)
    expect(await http.lab.flowsEnded()).toMatchObject([
      { outcome: 'completed', requests: 1, bytesReceived: 14 },
    ])
    expect(await http.requestsEnded(1)).toMatchObject([{ status: 101, outcome: 'completed' }])
  })

  it('takes no switch that the client has not asked for', async () => {
    await using origin = await HttpOrigin.answering(
      () => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    )
    await using http = await start([origin.endpoint])

    expect(statusesOf(await http.exchange(get('/')))).toEqual([502])
  })

  it('reads on as HTTP where the endpoint does not switch', async () => {
    await using origin = await HttpOrigin.answering((head) => response(head.split(' ')[1] ?? ''))
    await using http = await start([origin.endpoint])

    const received = await http.exchange(get('/a', 'Connection: Upgrade', 'Upgrade: websocket'), get('/b'))

    expect(received).toBe(response('/a') + response('/b'))
  })

  it.each([
    [
      'both framings',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['a bare LF', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 400],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n', 400],
    ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 405],
    ['a head of 70 KB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
    ['a malformed chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  ])('refuses %s, and ends the connection', async (_, bytes, status) => {
    const seen: string[] = []
    await using origin = await HttpOrigin.answering((head) => {
      seen.push(head)
      return undefined
    })
    await using http = await start([origin.endpoint])

    expect(statusesOf(await http.exchange(bytes, get('/smuggled')))).toEqual([status])
    expect(seen.filter((head) => head.includes('smuggled'))).toEqual([])
  })

  it('refuses a head that does not come to its end in time', async () => {
    await using origin = await HttpOrigin.serving((_, answer) => answer.end())
    await using http = await HttpLab.start(
      [origin.endpoint],
      {},
      { relayEngine, http: { ...HTTP, headTimeoutMs: 20 } },
    )
    const client = await http.connect()
    client.write('GET / HT')

    expect(statusesOf(await text(client))).toEqual([408])
    client.end()
    expect(await http.lab.flowsEnded()).toMatchObject([{ outcome: 'bad-request' }])
  })

  it('ends the connection of a client that asks nothing for too long', async () => {
    await using origin = await HttpOrigin.serving((_, answer) => answer.end('ok'))
    const options = { relayEngine, http: { ...HTTP, clientIdleTimeoutMs: 20 } }
    await using http = await HttpLab.start([origin.endpoint], {}, options)
    const client = await http.connect()
    client.write(get('/'))

    expect(await text(client)).toMatch(/ok$/)
    client.end()
  })

  it('answers 503 where no endpoint is ready, and keeps the connection', async () => {
    await using http = await start([])

    expect(statusesOf(await http.exchange(get('/'), get('/')))).toEqual([503, 503])
    expect(await http.requestsEnded(2)).toMatchObject([{ outcome: 'no-endpoint' }, {}])
  })

  it('goes on to the next endpoint where one refuses', async () => {
    await using origin = await HttpOrigin.serving((_, answer) => answer.end('ok'))
    const closed = await HttpOrigin.serving(() => {})
    const { endpoint } = closed
    closed.kill()
    await using http = await start([endpoint, origin.endpoint], {
      annotations: { 'edgeway.io/balancing': 'round-robin' },
    })

    for (let n = 0; n < 4; n++) expect(await http.exchange(get('/'))).toMatch(/ok$/)
  })

  it('sends the body on by an idle connection, too, after one endpoint has refused', async () => {
    await using origin = await HttpOrigin.serving((request, answer) => request.pipe(answer))
    const closed = await HttpOrigin.serving(() => {})
    const { endpoint } = closed
    closed.kill()
    await using http = await start([origin.endpoint], {
      annotations: { 'edgeway.io/balancing': 'round-robin' },
    })
    const put = 'PUT / HTTP/1.1\r\nHost: web.shop\r\nContent-Length: 7\r\n\r\ncontent'
    expect(await http.exchange(put)).toMatch(/content/)
    const service = http.lab.services.serviceOf(http.service)
    if (service === undefined) throw new Error('the Service has gone')
    http.lab.services.set(service, [endpoint, origin.endpoint])

    for (let n = 0; n < 2; n++) expect(await http.exchange(put)).toMatch(/content/)
    expect(await http.requestsEnded(3)).toContainEqual(expect.objectContaining({ attempts: 2 }))
    expect(origin.connections).toHaveLength(1)
  })

  it('answers 503 where all endpoints refuse', async () => {
    const closed = await HttpOrigin.serving(() => {})
    const { endpoint } = closed
    closed.kill()
    await using http = await start([endpoint])

    expect(statusesOf(await http.exchange(get('/')))).toEqual([503])
    expect(await http.requestsEnded(1)).toMatchObject([{ outcome: 'dial-failed', attempts: 1 }])
  })

  it('sends a request again that met a connection which the endpoint just closed', async () => {
    let asked = 0
    await using origin = await HttpOrigin.answering((_, socket) => {
      asked += 1
      if (asked !== 2) return response('ok')
      socket.resetAndDestroy()
      return undefined
    })
    await using http = await start([origin.endpoint])

    expect(statusesOf(await http.exchange(get('/'), get('/')))).toEqual([200, 200])
    expect(origin.connections).toHaveLength(2)
  })

  it('does not send a request again that may have been carried out and must not be twice', async () => {
    let asked = 0
    await using origin = await HttpOrigin.answering((_, socket) => {
      asked += 1
      if (asked !== 2) return response('ok')
      socket.resetAndDestroy()
      return undefined
    })
    await using http = await start([origin.endpoint], { annotations: { 'edgeway.io/retries': '3' } })
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'

    expect(statusesOf(await http.exchange(get('/'), post))).toEqual([200, 502])
    expect(asked).toBe(2)
  })

  it('does not send a request again whose body is gone, though it would be allowed to', async () => {
    let count = 0
    await using origin = await HttpOrigin.answering((_, socket) => {
      count += 1
      if (count > 1) socket.resetAndDestroy()
      return count > 1 ? undefined : response('once')
    })
    await using http = await start([origin.endpoint])
    const put = 'PUT / HTTP/1.1\r\nHost: web.shop\r\nContent-Length: 7\r\n\r\ncontent'

    expect(statusesOf(await http.exchange(get('/'), put))).toEqual([200, 502])
    expect(count).toBe(2)
  })

  it('breaks off a response that the endpoint breaks off', async () => {
    await using origin = await HttpOrigin.answering((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy())
      return undefined
    })
    await using http = await start([origin.endpoint])
    const client = await http.connect()
    client.write(get('/'))

    expect(await failure(client)).toMatchObject({ code: 'ECONNRESET' })
    expect(await http.requestsEnded(1)).toMatchObject([{ outcome: 'endpoint-failed', status: 200 }])
  })

  it('breaks off the request of a client that has left', async () => {
    const left = Promise.withResolvers<void>()
    await using origin = await HttpOrigin.serving(
      (_, answer) => void answer.on('close', left.resolve).write('begin'),
    )
    await using http = await start([origin.endpoint])
    const client = await http.connect()
    client.write(get('/'))
    await once(client, 'data')
    client.resetAndDestroy()

    await left.promise
    expect(await http.requestsEnded(1)).toMatchObject([{ outcome: 'client-gone' }])
  })

  it('never takes bytes that nobody asked for as the next response', async () => {
    await using origin = await HttpOrigin.answering((head) =>
      head.startsWith('GET /first') ? response('first') + response('forged') : response('true'),
    )
    await using http = await start([origin.endpoint])

    const received = await http.exchange(get('/first'), get('/second'))

    expect(received).toBe(response('first') + response('true'))
    expect(origin.connections).toHaveLength(2)
  })

  it('stops the endpoint while the client reads nothing, and the client while the endpoint does not', async () => {
    let written = 0
    await using origin = await HttpOrigin.raw((socket) => {
      socket.once('data', () => {
        socket.pause()
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1_024 * MIB}\r\n\r\n`)
        const write = (): void => {
          while (socket.write(Buffer.alloc(MIB))) written += MIB
        }
        socket.on('drain', write)
        write()
      })
    })
    await using http = await start([origin.endpoint])
    const client = await http.connect()
    client.pause()
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${1_024 * MIB}\r\n\r\n`)
    let sent = 0
    const send = (): void => {
      while (client.write(Buffer.alloc(MIB))) sent += MIB
    }
    client.on('drain', send)
    send()
    // Whatever is going to be buffered is, once nothing has moved for a number of looks.
    let seen = -1
    let looks = 0
    await eventually(() => {
      looks = seen === written + sent ? looks + 1 : 0
      seen = written + sent
      return looks > 20 ? true : undefined
    })

    expect(written).toBeLessThan(32 * MIB)
    expect(sent).toBeLessThan(32 * MIB)
    client.resetAndDestroy()
    origin.kill()
  })

  it('finishes the request that is under way when the agent stops, and ends the connection', async () => {
    const asked = Promise.withResolvers<() => void>()
    await using origin = await HttpOrigin.serving((_, answer) => asked.resolve(() => answer.end('late')))
    const http = await start([origin.endpoint])
    const idle = await http.connect()
    const client = await http.connect()
    client.write(get('/'))
    const answer = await asked.promise
    const stopped = http[Symbol.asyncDispose]()
    expect(await text(idle)).toBe('')
    answer()

    expect(await text(client)).toMatch(/Connection: close\r\n\r\nlate$/)
    client.end()
    idle.end()
    await stopped
  })

  it('closes idle connections to an endpoint that has gone', async () => {
    await using origin = await HttpOrigin.serving((_, answer) => answer.end('ok'))
    await using http = await start([origin.endpoint])
    await http.exchange(get('/'))
    const [socket] = origin.connections
    if (socket === undefined) throw new Error('nobody has connected')
    const service = http.lab.services.serviceOf(http.service)
    if (service === undefined) throw new Error('the Service has gone')

    http.lab.services.set(service, endpointsOf(`${NODE}/127.0.0.2:80`))

    await once(socket, 'close')
  })
})
