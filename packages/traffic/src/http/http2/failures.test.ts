import { once } from 'node:events'
import { type ClientHttp2Session, constants } from 'node:http2'
import { endpointsOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { answerTo, connectHttp2, requestFields } from './test/http2-client.ts'
import { answering, type ServedStream, startHttp2Endpoint } from './test/http2-endpoint.ts'
import { Http2Lab } from './test/http2-lab.ts'

const GRPC = ['content-type', 'application/grpc']

function startAnswering(text: string): ReturnType<typeof startHttp2Endpoint> {
  return startHttp2Endpoint(answering(text))
}

const silent = (): void => {}

function roundTrip(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => void session.ping(() => resolve()))
}

describe('requests of HTTP/2 that fail', () => {
  it('find no endpoint: 503, and for gRPC its own status', async () => {
    await using lab = await Http2Lab.start({ endpoints: [] })
    await using client = await connectHttp2(lab.url)

    expect(await client.get('/')).toMatchObject({ status: 503, body: 'no endpoint is ready\n' })
    const { status, headers, rstCode } = await client.post('/a.B/C', 'message', GRPC)
    expect({ status, rstCode }).toEqual({ status: 200, rstCode: 0 })
    expect(headers).toMatchObject({
      'content-type': 'application/grpc',
      'grpc-status': '14',
      'grpc-message': 'no endpoint is ready',
    })
    expect(await lab.ended(2)).toMatchObject([
      { outcome: 'no-endpoint', status: 503 },
      { outcome: 'no-endpoint', status: 200, grpcStatus: 14 },
    ])
  })

  it('go on to another endpoint where one can not be connected to', async () => {
    await using gone = await startAnswering('gone')
    await gone[Symbol.asyncDispose]()
    await using there = await startAnswering('there')
    const endpoints = [gone.endpoint, there.endpoint]
    await using lab = await Http2Lab.start({ endpoints })
    await using client = await connectHttp2(lab.url)

    const answers = await Promise.all(Array.from({ length: 20 }, () => client.post('/', 'body')))

    expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['there']))
  })

  it('are told when no endpoint can be connected to', async () => {
    await using gone = await startAnswering('gone')
    await gone[Symbol.asyncDispose]()
    await using lab = await Http2Lab.start({ endpoints: [gone.endpoint] })
    await using client = await connectHttp2(lab.url)

    expect(await client.get('/')).toMatchObject({ status: 503, body: 'no endpoint could be connected to\n' })
    expect((await lab.ended(1))[0]).toMatchObject({ outcome: 'dial-failed', status: 503 })
  })

  it.each(['get', 'post'] as const)(
    'are sent to another endpoint when one refuses the stream: %s',
    async (method) => {
      let refused = 0
      const refuse = ({ stream }: ServedStream): void => {
        refused++
        stream.close(constants.NGHTTP2_REFUSED_STREAM)
      }
      await using busy = await startHttp2Endpoint(refuse)
      await using free = await startHttp2Endpoint(({ stream }) => {
        stream.respond({ ':status': 200 })
        stream.pipe(stream)
      })
      await using lab = await Http2Lab.start({ endpoints: [busy.endpoint, free.endpoint] })
      await using client = await connectHttp2(lab.url)
      const calls = Array.from({ length: 16 }, () =>
        method === 'get' ? client.get('/') : client.post('/', 'the whole body'),
      )

      for (const answer of await Promise.all(calls)) expect(answer).toMatchObject({ status: 200, rstCode: 0 })
      if (method === 'post')
        expect(new Set((await Promise.all(calls)).map(({ body }) => body))).toEqual(
          new Set(['the whole body']),
        )
      expect(refused).toBeGreaterThan(0)
      expect(lab.heard.filter((word) => word.startsWith('failed'))).toEqual([])
    },
  )

  it('hear the code of the endpoint that resets them', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream, headers }) => {
      if (headers[':path'] === '/late') stream.respond({ ':status': 200 })
      stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)

    expect(await client.get('/')).toMatchObject({
      status: undefined,
      rstCode: constants.NGHTTP2_ENHANCE_YOUR_CALM,
    })
    expect(await client.get('/late')).toMatchObject({ rstCode: constants.NGHTTP2_ENHANCE_YOUR_CALM })
    expect(await lab.ended(2)).toMatchObject([{ outcome: 'endpoint-failed' }, { outcome: 'endpoint-failed' }])
  })

  it('do not look complete when the endpoint cuts them off, even without an error', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream, headers }) => {
      const isGrpc = headers[':path'] === '/grpc'
      stream.respond({
        ':status': 200,
        ...(isGrpc ? { 'content-type': 'application/grpc' } : { 'content-length': 20 }),
      })
      stream.write('half of it')
      if (headers[':path'] === '/destroy') setImmediate(() => stream.session?.destroy())
      else setImmediate(() => stream.destroy())
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)

    expect((await client.get('/reset')).rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR)
    expect((await client.get('/grpc')).rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR)
    expect((await client.get('/destroy')).rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR)
    expect((await lab.ended(3)).map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 3 }, () => 'endpoint-failed'),
    )
  })

  it('of gRPC end with UNAVAILABLE when the connection to the endpoint breaks within the response', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.write('half of it')
      setImmediate(() => stream.session?.destroy())
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)

    const { body, trailers, rstCode } = await client.post('/', 'x', GRPC)

    expect({ body, rstCode }).toEqual({ body: 'half of it', rstCode: constants.NGHTTP2_NO_ERROR })
    expect(trailers).toMatchObject({
      'grpc-status': '14',
      'grpc-message': 'the connection to the endpoint broke within its response',
    })
    expect(await lab.ended(1)).toMatchObject([{ outcome: 'endpoint-failed', status: 200, grpcStatus: 14 }])
  })

  it('of gRPC end with DEADLINE_EXCEEDED when their time is over within the response', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.write('half of it')
    })
    const service = { annotations: { 'edgeway.io/request-timeout': '100ms' } }
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using client = await connectHttp2(lab.url)

    const { trailers, rstCode } = await client.post('/', 'x', GRPC)

    expect({ trailers, rstCode }).toMatchObject({ trailers: { 'grpc-status': '4' }, rstCode: 0 })
    expect(await lab.ended(1)).toMatchObject([{ outcome: 'timeout', grpcStatus: 4 }])
  })

  it('of gRPC end by a reset where their client does not read how they end', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.write(Buffer.alloc(1024 * 1024))
    })
    const service = { annotations: { 'edgeway.io/request-timeout': '100ms' } }
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using client = await connectHttp2(lab.url)

    const stream = client.session.request({ ':method': 'POST', 'content-type': 'application/grpc' })
    stream.on('error', () => {}).end('x')

    expect(await lab.ended(1)).toMatchObject([{ outcome: 'timeout', grpcStatus: 4 }])
    stream.destroy()
  })

  it.each([true, false])(
    'end at once where their whole body has come, but not all of it was read; response begun: %s',
    async (hasBegun) => {
      await using endpoint = await startHttp2Endpoint(({ stream }) => {
        stream.pause()
        if (hasBegun) stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      })
      const service = { annotations: { 'edgeway.io/request-timeout': '100ms' } }
      await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
      await using client = await connectHttp2(lab.url)
      const stream = client.session.request({ ':method': 'POST', 'content-type': 'application/grpc' })
      stream.resume().end(Buffer.alloc(140_000))
      await once(stream, 'close')
      for (let round = 0; round < 20; round++) await roundTrip(client.session)

      expect(lab.records).toMatchObject([{ outcome: 'timeout', grpcStatus: 4 }])
    },
  )

  it('are answered with 502, or UNAVAILABLE, when the connection breaks before the response', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream }) => stream.session?.destroy())
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)

    expect(await client.get('/')).toMatchObject({ status: 502 })
    expect((await client.post('/', 'x', GRPC)).headers).toMatchObject({ 'grpc-status': '14' })
    expect(lab.heard).toContain('failed reset')
  })

  it('reach the endpoint as cancelled when the client cancels them', async () => {
    const codes = Promise.withResolvers<number>()
    const served = Promise.withResolvers<void>()
    let hasEnded = false
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      served.resolve()
      stream.resume()
      stream.on('end', () => {
        hasEnded = stream.rstCode === constants.NGHTTP2_NO_ERROR
      })
      stream.on('close', () => codes.resolve(stream.rstCode ?? -1))
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    // A client that would have to wait for trailers says so by a reset; without, node:http2 says END_STREAM.
    const stream = client.open(requestFields('POST', '/', GRPC), { endStream: false, waitForTrailers: true })
    stream.on('error', silent)
    stream.write('half of a message')
    await served.promise
    stream.close(constants.NGHTTP2_CANCEL)

    expect(await codes.promise).toBe(constants.NGHTTP2_CANCEL)
    expect(hasEnded).toBe(false)
    expect((await lab.ended(1))[0]).toMatchObject({ outcome: 'client-gone', status: undefined })
  })

  it('reach the endpoint as cancelled when the client leaves', async () => {
    const codes = Promise.withResolvers<number>()
    const served = Promise.withResolvers<void>()
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      served.resolve()
      stream.on('close', () => codes.resolve(stream.rstCode ?? -1))
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    client.open(requestFields('GET', '/'), { endStream: true }).on('error', silent)
    await served.promise
    await client[Symbol.asyncDispose]()

    expect(await codes.promise).toBe(constants.NGHTTP2_CANCEL)
    expect([...lab.flows]).toEqual([])
  })

  it('are over when their time is: 504, and DEADLINE_EXCEEDED', async () => {
    const codes: (number | undefined)[] = []
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      stream.on('close', () => codes.push(stream.rstCode))
    })
    const service = { annotations: { 'edgeway.io/request-timeout': '30ms' } }
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using client = await connectHttp2(lab.url)

    expect(await client.get('/')).toMatchObject({ status: 504 })
    expect((await client.post('/', 'x', GRPC)).headers).toMatchObject({ 'grpc-status': '4' })
    expect(await lab.ended(2)).toMatchObject([{ outcome: 'timeout' }, { outcome: 'timeout' }])
  })

  it('are tried again by policy: what is safe, after a status or a silence', async () => {
    await using failing = await startHttp2Endpoint(({ stream }) => {
      stream.respond({ ':status': 503 })
      stream.end('failing')
    })
    await using mute = await startHttp2Endpoint(silent)
    await using good = await startAnswering('good')
    const annotations = {
      'edgeway.io/retries': '2',
      'edgeway.io/retry-on': '503,reset,504',
      'edgeway.io/per-try-timeout': '50ms',
    }
    const endpoints = [failing.endpoint, mute.endpoint, good.endpoint]
    await using lab = await Http2Lab.start({ endpoints, service: { annotations } })
    await using client = await connectHttp2(lab.url)

    for (let count = 0; count < 5; count++)
      await Promise.all(Array.from({ length: 6 }, () => client.get('/')))
    expect(lab.records.some(({ attempts, status }) => attempts > 1 && status === 200)).toBe(true)
    await Promise.all(Array.from({ length: 6 }, () => client.post('/', 'x')))
    const posts = lab.records.filter(({ method }) => method === 'POST')
    expect(posts.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('wait no longer when their client has left', async () => {
    const [nowhere] = endpointsOf('192.0.2.1:80')
    const held = Promise.withResolvers<void>()
    const dialer = {
      dial: (_target: unknown, signal: AbortSignal) => {
        held.resolve()
        return once(signal, 'abort').then(() => Promise.reject(signal.reason))
      },
    }
    await using lab = await Http2Lab.start({ endpoints: nowhere === undefined ? [] : [nowhere], dialer })
    await using client = await connectHttp2(lab.url)
    const stream = client.open(requestFields('GET', '/'), { endStream: true })
    const answer = answerTo(stream)
    await held.promise
    stream.close(constants.NGHTTP2_CANCEL)
    await answer

    expect((await lab.ended(1))[0]).toMatchObject({ outcome: 'client-gone', attempts: 1 })
  })
})
