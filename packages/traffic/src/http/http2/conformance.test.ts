import { describe, expect, it } from 'vitest'
import { CONFORMANCE_CASES } from './test/conformance-cases.ts'
import { frame, GET, PREFACE, request, SETTINGS } from './test/frames.ts'
import { answering, startHttp2Endpoint } from './test/http2-endpoint.ts'
import { Http2Lab } from './test/http2-lab.ts'
import { RawConnection } from './test/raw-connection.ts'

describe('a listener of HTTP/2, by RFC 9113', () => {
  it.each(CONFORMANCE_CASES)('$section $title', async ({ send, isRaw, expected, deviation }) => {
    await using endpoint = await startHttp2Endpoint((served) => {
      if (served.headers[':path'] !== '/held') answering('content')(served)
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = new RawConnection(lab.port)
    if (isRaw === undefined) client.write(PREFACE, frame(SETTINGS, 0, 0))
    client.write(...send)
    await client.roundTrips(3)
    if ((deviation ?? expected).includes('answered')) await client.until(() => client.verdict !== 'ignored')

    expect(deviation === undefined ? expected : [deviation]).toContain(client.verdict)
  })

  it('does not pass on the fields that node:http2 drops silently', async () => {
    const seen: string[] = []
    await using endpoint = await startHttp2Endpoint((served) => {
      seen.push(...served.fields)
      answering('content')(served)
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint] })
    await using client = new RawConnection(lab.port)
    client.write(PREFACE, frame(SETTINGS, 0, 0))
    const wrong = [
      ['x a', '1'],
      ['', '2'],
      ['x:a', '3'],
      ['x\xe9', '4'],
      ['x-a', 'b\r\nc: d'],
      ['x-b', 'e\0'],
      ['x-c', ' f'],
      ['http2-settings', 'AAMAAABk'],
    ] as const
    client.write(request(1, [...GET, ...wrong]))
    await client.until(() => client.isAnswered(1))

    expect(seen).toEqual([...GET.flat(), 'x-forwarded-for', '127.0.0.1'])
  })
})
