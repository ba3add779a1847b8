import { once } from 'node:events'
import type { ClientHttp2Stream } from 'node:http2'
import { describe, expect, it } from 'vitest'
import { STREAM_WINDOW_BYTES } from './limits.ts'
import { answerTo, connectHttp2, requestFields } from './test/http2-client.ts'
import { answering, type ServedStream, startHttp2Endpoint } from './test/http2-endpoint.ts'
import { Http2Lab } from './test/http2-lab.ts'

const MIB = 1_048_576
const TOTAL = 32 * MIB
/** Of the two windows, the buffers of streams at both ends, and what is on its way between them. */
const MOST_HELD = 2 * STREAM_WINDOW_BYTES + 2 * MIB

/** Writes `TOTAL` bytes, as it may. */
class Sender {
  sent = 0
  readonly #stream: Pick<ClientHttp2Stream, 'write' | 'once' | 'end'>

  constructor(stream: Pick<ClientHttp2Stream, 'write' | 'once' | 'end'>) {
    this.#stream = stream
    this.#more()
  }

  #more(): void {
    while (this.sent < TOTAL) {
      this.sent += 65_536
      if (!this.#stream.write(Buffer.alloc(65_536)))
        return void this.#stream.once('drain', () => this.#more())
    }
    this.#stream.end()
  }
}

/** Another call on the same connections, which tells that time has gone by. */
async function roundTrips(call: () => Promise<unknown>): Promise<void> {
  for (let count = 0; count < 200; count++) await call()
}

describe('flow control of HTTP/2', () => {
  it('stops an endpoint whose client does not read, and nobody else', async () => {
    const senders: Sender[] = []
    await using endpoint = await startHttp2Endpoint((served) => {
      if (served.headers[':path'] !== '/big') return answering('small')(served)
      served.stream.respond({ ':status': 200 })
      senders.push(new Sender(served.stream))
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const stream = client.open(requestFields('GET', '/big'), { endStream: true })
    await once(stream, 'response')

    await roundTrips(() => client.get('/small'))
    const [sender] = senders
    expect(sender?.sent).toBeLessThan(MOST_HELD)
    let received = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) received += chunk.length
    expect(received).toBe(TOTAL)
  })

  it('stops a client whose endpoint does not read, and nobody else', async () => {
    const read: (() => void)[] = []
    await using endpoint = await startHttp2Endpoint((served) => {
      if (served.headers[':path'] !== '/big') return answering('small')(served)
      const { stream } = served
      read.push(() => {
        let received = 0
        stream.on('data', (chunk: Buffer) => {
          received += chunk.length
        })
        stream.on('end', () => {
          stream.respond({ ':status': 200 })
          stream.end(String(received))
        })
      })
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const stream = client.open(requestFields('POST', '/big'), { endStream: false })
    const answer = answerTo(stream)
    const sender = new Sender(stream)

    await roundTrips(() => client.get('/small'))
    expect(sender.sent).toBeLessThan(MOST_HELD)
    for (const begin of read) begin()
    expect(await answer).toMatchObject({ status: 200, body: String(TOTAL) })
    expect((await lab.ended(201)).at(-1)).toMatchObject({ bytesSent: TOTAL, outcome: 'completed' })
  })

  it('streams both ways at once', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream }: ServedStream) => {
      stream.respond({ ':status': 200 })
      stream.pipe(stream)
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const stream = client.open(requestFields('POST', '/'), { endStream: false })
    const answer = answerTo(stream)
    for (let count = 0; count < 100; count++) {
      const text = `message ${count}`
      stream.write(text)
      const [echoed] = await once(stream, 'data')
      expect(String(echoed)).toBe(text)
    }
    stream.end()

    expect(await answer).toMatchObject({ status: 200, rstCode: 0 })
  })

  it('tells a client that its endpoint has heard enough, after all of the response', async () => {
    await using endpoint = await startHttp2Endpoint(({ stream }) => {
      stream.respond({ ':status': 413 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'x-why': 'too much' })
        setImmediate(() => stream.close())
      })
      stream.end('too much')
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = await connectHttp2(lab.url)
    const stream = client.open(requestFields('POST', '/'), { endStream: false })
    stream.write('a beginning')

    expect(await answerTo(stream)).toMatchObject({
      ...{ status: 413, body: 'too much', rstCode: 0 },
      trailers: { 'x-why': 'too much' },
    })
    expect((await lab.ended(1))[0]).toMatchObject({ status: 413, outcome: 'completed' })
  })
})
