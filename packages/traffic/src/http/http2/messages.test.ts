import { once } from 'node:events'
import { constants, sensitiveHeaders } from 'node:http2'
import { describe, expect, it } from 'vitest'
import { answerTo, connectHttp2, plain, requestFields } from './test/http2-client.ts'
import { answering, type ServedStream, startHttp2Endpoint } from './test/http2-endpoint.ts'
import { Http2Lab } from './test/http2-lab.ts'

/** Sends back what it got, as text: each field in a line, then the body, then the trailers. */
function echo({ stream, fields }: ServedStream): void {
  const lines: string[] = []
  for (let at = 0; at < fields.length; at += 2) lines.push(`${fields[at]}: ${fields[at + 1]}`)
  let trailers = ''
  stream.on('trailers', (headers) => {
    trailers = JSON.stringify(headers)
  })
  stream.on('data', (chunk: Buffer) => void lines.push(chunk.toString('latin1')))
  stream.on('end', () => {
    stream.respond({ ':status': 200 })
    stream.end(Buffer.from([...lines, trailers].join('\n'), 'latin1'))
  })
}

describe('messages of HTTP/2 on their way', () => {
  it('leaves fields as they are: their order, lines, bytes and crumbs of cookies', async () => {
    await using endpoint = await startHttp2Endpoint(echo)
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const sent = [
      'x-b',
      '\xe9\xff',
      'cookie',
      'a=1',
      'x-a',
      '1',
      'cookie',
      'b=2',
      'x-a',
      '2',
      'te',
      'trailers',
    ]

    const { body } = await client.get('/a?b', sent)

    expect(body.trim().split('\n')).toEqual([
      ...[':method: GET', ':scheme: http', ':authority: api.shop', ':path: /a?b'],
      ...['x-b: \xe9\xff', 'cookie: a=1', 'x-a: 1', 'cookie: b=2', 'x-a: 2', 'te: trailers'],
      'x-forwarded-for: 127.0.0.1',
    ])
  })

  it('makes the one authority of what the client sent as Host', async () => {
    await using endpoint = await startHttp2Endpoint(echo)
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    // An array without `:authority` would get one from node:http2.
    const stream = client.session.request({ ':path': '/', host: 'shop.example' })

    const { body } = await answerTo(stream)

    expect(body).toContain(':authority: shop.example\n')
    expect(body).not.toContain('\nhost:')
  })

  it.each([
    ['x-forwarded-for', ['x-forwarded-for: 9.9.9.9', 'x-forwarded-for: 127.0.0.1']],
    ['forwarded', ['x-forwarded-for: 9.9.9.9', 'forwarded: for=127.0.0.1']],
    ['off', ['x-forwarded-for: 9.9.9.9']],
  ])('tells the endpoint who calls, as the Service wishes: %s', async (mode, lines) => {
    await using endpoint = await startHttp2Endpoint(echo)
    const service = { annotations: { 'edgeway.io/forwarded-headers': mode } }
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using client = await connectHttp2(lab.url)

    const { body } = await client.get('/', ['x-forwarded-for', '9.9.9.9'])

    expect(body.split('\n').filter((line) => line.includes('forwarded'))).toEqual(lines)
  })

  it('passes on bodies and trailers of requests', async () => {
    await using endpoint = await startHttp2Endpoint(echo)
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const stream = client.open(requestFields('POST', '/'), { endStream: false, waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc' }))
    stream.write('some ')
    stream.end('text')

    const { body } = await answerTo(stream)

    expect(body).toContain('\nsome ')
    expect(body).toContain('"x-sum":"abc"')
  })

  it('passes on interim responses, the head, the body and the trailers of responses', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' })
      const fields = [':status', '201', 'set-cookie', 'a=1', 'set-cookie', 'b=2', 'x-c', '\xfc']
      stream.respond(fields, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-t': ['1', '2'] }))
      stream.end('text')
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)

    const { status, fields, interim, body, trailers } = await client.get('/')

    expect(interim.map((headers) => headers[':status'])).toEqual([103])
    expect({ status, body }).toEqual({ status: 201, body: 'text' })
    expect(fields.slice(2, 8)).toEqual(['set-cookie', 'a=1', 'set-cookie', 'b=2', 'x-c', '\xfc'])
    expect(plain(trailers)).toMatchObject({ 'grpc-status': '0', 'x-t': '1, 2' })
    const [record] = await lab.ended(1)
    expect(record).toMatchObject({ outcome: 'completed', status: 201, grpcStatus: 0, bytesReceived: 4 })
  })

  it('passes on a response that is nothing but trailers as one', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream }) =>
      stream.respond({ ':status': 200, 'grpc-status': '7' }, { endStream: true }),
    )
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const stream = client.open(requestFields('POST', '/'), { endStream: true })
    const [, flags] = await once(stream, 'response')

    expect(Number(flags) & constants.NGHTTP2_FLAG_END_STREAM).not.toBe(0)
    stream.resume()
    await once(stream, 'close')
    expect((await lab.ended(1))[0]).toMatchObject({ outcome: 'completed', grpcStatus: 7 })
  })

  it('keeps fields out of the index that the sender keeps out of it', async () => {
    const names: unknown[] = []
    await using endpoint = await startHttp2Endpoint(({ stream, headers }) => {
      names.push(Reflect.get(headers, sensitiveHeaders))
      const answer = { ':status': 200, 'x-secret': '2' }
      stream.respond(Object.assign(answer, { [sensitiveHeaders]: ['x-secret'] }), { endStream: true })
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const fields = requestFields('GET', '/', ['authorization', 'x', 'x-key', '1'])
    Object.assign(fields, { [sensitiveHeaders]: ['authorization', 'x-key'] })

    const { headers } = await answerTo(client.open(fields, { endStream: true }))

    expect(names).toEqual([['authorization', 'x-key']])
    expect(Reflect.get(headers, sensitiveHeaders)).toEqual(['x-secret'])
  })

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('has no body where there is none: %s, %i', async (method, status) => {
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      stream.respond({ ':status': status, 'content-length': status === 200 ? 5 : undefined })
      stream.end()
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)

    const answer = await answerTo(client.open(requestFields(method, '/'), { endStream: true }))

    expect(answer).toMatchObject({ status, body: '', rstCode: 0 })
    expect((await lab.ended(1))[0]).toMatchObject({ outcome: 'completed', status })
  })

  it('answers what it does not pass on', async () => {
    await using endpoint = await startHttp2Endpoint(answering('no'))
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const connect = client.session.request({ ':method': 'CONNECT', ':authority': 'a:1' })

    expect(await answerTo(connect)).toMatchObject({ status: 405 })
    expect(await client.get('/', ['host', 'other.shop'])).toMatchObject({
      status: 400,
      body: ':authority and host differ\n',
    })
    expect(await client.get('/', ['host', 'API.shop'])).toMatchObject({ status: 200 })
    expect(endpoint.seen).toEqual(['/'])
  })
})
