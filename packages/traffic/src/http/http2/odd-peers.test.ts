import { once } from 'node:events'
import { createServer } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { FakeDialer, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  type FieldLines,
  FrameReader,
  frame,
  GOAWAY,
  HEADERS,
  headers,
  POST,
  PREFACE,
  RST_STREAM,
  request,
  SETTINGS,
  setting,
  uint32,
} from './test/frames.ts'
import { connectHttp2, plain } from './test/http2-client.ts'
import { answering, startHttp2Endpoint } from './test/http2-endpoint.ts'
import { Http2Lab } from './test/http2-lab.ts'
import { RawConnection } from './test/raw-connection.ts'

/** `:status: 200` of the static table (RFC 7541, A). */
const STATUS_200 = [0x88]

/** Answers each HEADERS frame by those bytes. */
function answerHeads(socket: Socket, answer: (stream: number) => Buffer): void {
  const reader = new FrameReader()
  let preface = PREFACE.length
  socket.write(frame(SETTINGS, 0, 0))
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    for (const { type, stream } of reader.read(bytes.subarray(preface)))
      if (type === HEADERS) socket.write(answer(stream))
    preface = 0
  })
}

describe('odd peers of HTTP/2', () => {
  it('send what a GOAWAY leaves out to a fresh connection, with its body', async () => {
    let connections = 0
    await using endpoint = await startTcpEndpoint((socket) => {
      const isFirst = connections++ === 0
      answerHeads(socket, (stream) =>
        isFirst
          ? frame(GOAWAY, 0, 0, Buffer.concat([uint32(0), uint32(0)]))
          : frame(HEADERS, END_HEADERS | END_STREAM, stream, STATUS_200),
      )
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)

    expect(await client.post('/', 'a body')).toMatchObject({ status: 200, rstCode: 0 })
    expect((await lab.ended(1))[0]).toMatchObject({ attempts: 2, outcome: 'completed' })
    expect(lab.heard.filter((word) => word.startsWith('failed'))).toEqual([])
  })

  describe('that send fields of one connection where nghttp2 lets them pass', () => {
    const LINES: FieldLines = [
      ['http2-settings', 'AAA'],
      ['te', 'Trailers'],
      ['te', 'trailers'],
      ['x-kept', 'yes'],
    ]

    it('in interim responses and trailers, are heard without them', async () => {
      await using endpoint = await startTcpEndpoint((socket) =>
        answerHeads(socket, (stream) =>
          Buffer.concat([
            headers(stream, END_HEADERS, [[':status', '103'], ...LINES]),
            headers(stream, END_HEADERS, [[':status', '200']]),
            frame(DATA, 0, stream, Buffer.from('content')),
            headers(stream, END_HEADERS | END_STREAM, LINES),
          ]),
        ),
      )
      await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
      await using client = await connectHttp2(lab.url)
      const { interim, trailers, body, rstCode } = await client.get('/')

      expect(interim.map(plain)).toEqual([{ ':status': 103, 'x-kept': 'yes' }])
      expect(plain(trailers)).toEqual({ 'x-kept': 'yes' })
      expect({ body, rstCode }).toEqual({ body: 'content', rstCode: 0 })
    })

    it('in trailers of a request, are heard without them', async () => {
      const trailers = Promise.withResolvers<Record<string, unknown>>()
      await using endpoint = await startHttp2Endpoint(({ stream }) => {
        stream.resume().on('trailers', (received) => trailers.resolve(plain(received)))
      })
      await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
      await using client = new RawConnection(lab.port)
      client.write(PREFACE, frame(SETTINGS, 0, 0), headers(1, END_HEADERS, POST))
      client.write(frame(DATA, 0, 1, Buffer.from('content')), headers(1, END_HEADERS | END_STREAM, LINES))

      expect(await trailers.promise).toEqual({ 'x-kept': 'yes' })
    })
  })

  it('get the status of gRPC also after a response with a length', async () => {
    await using endpoint = await startTcpEndpoint((socket) =>
      answerHeads(socket, (stream) =>
        Buffer.concat([
          headers(stream, END_HEADERS, [
            [':status', '200'],
            ['content-type', 'application/grpc'],
            ['content-length', '5'],
          ]),
          frame(DATA, 0, stream, Buffer.alloc(5)),
          headers(stream, END_HEADERS | END_STREAM, [['grpc-status', '0']]),
        ]),
      ),
    )
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)

    expect(plain((await client.get('/')).trailers)).toEqual({ 'grpc-status': '0' })
  })

  it('are reached over any stream of bytes', async () => {
    await using lab = await Http2Lab.start({ endpoints: [] })
    await using listed = await startHttp2Endpoint(answering('not this one'))
    const server = createServer((_request, response) => response.end('by a tunnel'))
    const dialer = new FakeDialer('relayed')
    dialer.set(listed.endpoint, ({ stream }) => void server.emit('connection', stream))
    await using far = await Http2Lab.start({ endpoints: [listed.endpoint], dialer })
    await using client = await connectHttp2(far.url)

    for (let count = 0; count < 20; count++) expect((await client.get('/')).body).toBe('by a tunnel')
    expect((await far.ended(20))[0]).toMatchObject({ path: 'relayed', outcome: 'completed' })
    expect(lab.records).toEqual([])
  })

  it('share no session where the endpoint is told who calls', async () => {
    const heads: string[] = []
    await using endpoint = await startTcpEndpoint((socket) => {
      socket.once('data', (bytes: Buffer) => heads.push(bytes.toString('latin1', 0, 12)))
    })
    const service = { annotations: { 'edgeway.io/proxy-protocol': 'v2' } }
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], service })
    await using first = await connectHttp2(lab.url)
    await using second = await connectHttp2(lab.url)
    void first.get('/')
    void second.get('/')
    while (heads.length < 2) await new Promise(setImmediate)

    expect(new Set(heads)).toEqual(new Set(['\r\n\r\n\0\r\nQUIT\n']))
  })

  it.each([
    ['a response', request(1)],
    ['a body', Buffer.concat([headers(1, END_HEADERS, POST), frame(DATA, 0, 1, Buffer.alloc(10_000))])],
  ])('that reset a stream with NO_ERROR while %s waits have left', async (_what, message) => {
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      stream.respond({ ':status': 200 })
      stream.write(Buffer.alloc(100_000))
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = new RawConnection(lab.port)
    const noWindow = frame(SETTINGS, 0, 0, setting(4, 0))
    client.write(PREFACE, noWindow, message)
    await client.until(() => client.frames.some(({ type }) => type === HEADERS))
    await client.roundTrips(10)
    client.write(frame(RST_STREAM, 0, 1, uint32(0)))

    expect((await lab.ended(1))[0]).toMatchObject({ outcome: 'client-gone' })
  })

  it('that reset a stream with NO_ERROR behind a response that was written have left, too', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(100))
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = new RawConnection(lab.port)
    client.write(PREFACE, frame(SETTINGS, 0, 0, setting(4, 0)), request(1))
    await client.until(() => client.frames.some(({ type }) => type === HEADERS))
    await client.roundTrips(10)
    client.write(frame(RST_STREAM, 0, 1, uint32(0)))

    expect(await lab.ended(1)).toHaveLength(1)
  })

  it('that send half a preface, and no more, are cut after a while', async () => {
    await using lab = await Http2Lab.start({ endpoints: [], options: { headTimeoutMs: 20 } })
    const socket = connect(lab.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('PRI * HTTP/2.0\r\n')
    await once(socket.resume(), 'close')

    expect([...lab.flows]).toEqual([])
  })

  it('that end their sending are gone', async () => {
    await using lab = await Http2Lab.start({ endpoints: [] })
    const socket = connect(lab.port, '127.0.0.1')
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0)]))
    await once(socket, 'data')
    socket.end()
    await once(socket.resume(), 'close')

    expect([...lab.flows]).toEqual([])
  })
})
