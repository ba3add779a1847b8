import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import type { Dialer } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { DirectDialer } from '../../dial/direct-dialer.ts'
import { answerTo, connectHttp2, plain, requestFields } from './test/http2-client.ts'
import { answering, type ServedStream, startHttp2Endpoint } from './test/http2-endpoint.ts'
import { Http2Lab } from './test/http2-lab.ts'

/** As through a tunnel: the connection is no socket, and whole responses come in one piece. */
function farDialer(): Dialer {
  const near = new DirectDialer('local')
  return {
    async dial(target, signal) {
      const connection = await near.dial(target, signal)
      const [stream, end] = duplexPair()
      end.pipe(connection.stream).pipe(end)
      connection.stream.on('error', () => stream.destroy())
      stream.on('close', () => connection.reset())
      return { path: 'relayed', stream, reset: () => stream.destroy() }
    },
  }
}

function answerWithTrailers({ stream }: ServedStream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end('answer')
}

describe('HTTP/2 with an endpoint of another node', () => {
  it.each([
    ['with a body', answering('answer'), 'answer'],
    ['without one', answering(''), ''],
    ['with trailers', answerWithTrailers, 'answer'],
  ])('a response %s is whole also when it comes in one piece', async (_, serve, body) => {
    await using endpoint = await startHttp2Endpoint(serve)
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], dialer: farDialer() })
    await using client = await connectHttp2(lab.url)

    const answers = await Promise.all(Array.from({ length: 50 }, () => client.post('/', 'request')))

    for (const answer of answers) expect(answer).toMatchObject({ status: 200, body, rstCode: 0 })
    if (serve === answerWithTrailers)
      for (const { trailers } of answers) expect(plain(trailers)).toMatchObject({ 'grpc-status': '0' })
    expect((await lab.ended(50)).map(({ outcome }) => outcome)).toEqual(Array(50).fill('completed'))
  })

  it('a response that a slow client takes is whole also when the endpoint has closed the connection behind it', async () => {
    const content = 'x'.repeat(200_000)
    await using endpoint = await startHttp2Endpoint((served) => {
      answering(content)(served)
      served.stream.session?.close()
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], dialer: farDialer() })
    await using client = await connectHttp2(lab.url)
    const stream = client.open(requestFields('GET', '/'), { endStream: true })
    await once(stream, 'response')
    // The client takes the rest only when the endpoint has ended the connection.
    while ([...endpoint.sessions].some(({ destroyed }) => !destroyed)) await new Promise(setImmediate)

    expect(await answerTo(stream)).toMatchObject({ rstCode: 0, body: content })
  })
})
