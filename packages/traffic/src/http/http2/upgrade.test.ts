import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { OpenFlow } from '../../open-flows.ts'
import type { HttpClient } from '../http-client.ts'
import { type UpgradeRequest, upgradeSettings } from './h2c-upgrade.ts'
import type { Http2Deps } from './http2-flow.ts'
import { FrameReader, frame, HEADERS, PREFACE, SETTINGS, setting } from './test/frames.ts'
import { answering, startHttp2Endpoint } from './test/http2-endpoint.ts'
import { Http2Lab } from './test/http2-lab.ts'
import { UpgradedFlow } from './upgraded-flow.ts'

const run = promisify(execFile)

/** As the code of HTTP/1.1 does it, for a request that is there as a whole. */
function upgraded(client: HttpClient, deps: Http2Deps): OpenFlow {
  const bytes = Buffer.from(client.socket.read() as Buffer)
  const end = bytes.indexOf('\r\n\r\n') + 4
  const [line = '', ...lines] = bytes.toString('latin1', 0, end).trimEnd().split('\r\n')
  const [method = '', target = ''] = line.split(' ')
  const fields = lines.map((text) => {
    const colon = text.indexOf(':')
    return [text.slice(0, colon), text.slice(colon + 1).trim()] as const
  })
  const settings = upgradeSettings(fields.find(([name]) => name.toLowerCase() === 'http2-settings')?.[1])
  if (settings === undefined) throw new Error('no settings')
  if (bytes.length > end) client.socket.unshift(bytes.subarray(end))
  const request: UpgradeRequest = { method, target, fields }
  return new UpgradedFlow(client, { ...request, settings }, deps)
}

const REQUEST = Buffer.from(
  [
    'GET /first?x HTTP/1.1',
    'Host: api.shop',
    'Connection: Upgrade, HTTP2-Settings, X-Hop',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'X-Hop: gone',
    `X-Long: ${'y'.repeat(300)}`,
    'TE: trailers',
    'X-A: b\xe9',
    '',
    '',
  ].join('\r\n'),
  'latin1',
)

/** All that the listener sends until the response of stream 1 has begun. */
async function until(socket: Socket, isThere: (bytes: Buffer) => boolean): Promise<Buffer> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk])
    if (isThere(bytes)) break
  }
  return bytes
}

function framesAfter101(bytes: Buffer): ReturnType<FrameReader['read']> {
  const end = bytes.indexOf('\r\n\r\n')
  return end === -1 ? [] : new FrameReader().read(bytes.subarray(end + 4))
}

describe('Upgrade: h2c', () => {
  it('makes the request stream 1, and is acknowledged one SETTINGS', async () => {
    const seen: string[] = []
    await using endpoint = await startHttp2Endpoint((served) => {
      seen.push(...served.fields)
      answering('content')(served)
    })
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], flowOf: upgraded })
    const socket = connect(lab.port, '127.0.0.1')
    socket.write(REQUEST)
    socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, setting(4, 65_535))]))
    const bytes = await until(socket, (b) => framesAfter101(b).some(({ type }) => type === HEADERS))
    socket.destroy()

    expect(bytes.toString('latin1')).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/)
    const frames = framesAfter101(bytes)
    expect(frames.filter(({ type, flags }) => type === SETTINGS && flags === 1)).toHaveLength(1)
    expect(frames.find(({ type }) => type === HEADERS)).toMatchObject({ stream: 1 })
    expect(seen).toEqual([
      ...[':method', 'GET', ':scheme', 'http', ':authority', 'api.shop', ':path', '/first?x'],
      ...['x-long', 'y'.repeat(300), 'x-a', 'b\xe9', 'te', 'trailers', 'x-forwarded-for', '127.0.0.1'],
    ])
  })

  it('bears a preface that comes byte by byte', async () => {
    await using endpoint = await startHttp2Endpoint(answering('content'))
    await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], flowOf: upgraded })
    const socket = connect({ port: lab.port, host: '127.0.0.1', noDelay: true })
    socket.write(REQUEST)
    for (const byte of Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, setting(4, 65_535))])) {
      socket.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    const bytes = await until(socket, (b) => framesAfter101(b).some(({ type }) => type === HEADERS))
    socket.destroy()

    expect(framesAfter101(bytes).length).toBeGreaterThan(1)
  })

  it.each([
    ['no preface', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['another first frame', Buffer.concat([PREFACE, frame(HEADERS, 5, 3)])],
  ])('ends with what is %s', async (_what, wrong) => {
    await using lab = await Http2Lab.start({ endpoints: [], flowOf: upgraded })
    const socket = connect(lab.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(REQUEST)
    socket.write(wrong)
    await new Promise((resolve) => socket.resume().once('close', resolve))

    expect([...lab.flows]).toEqual([])
  })

  const programs = [
    ['curl', ['-s', '--http2', '--max-time', '5']],
    ['nghttp', ['-u', '-t', '5']],
  ] as const
  it.each(programs.filter(([program]) => existsSync(`/usr/bin/${program}`)))(
    'is what %s can do',
    async (program, options) => {
      await using endpoint = await startHttp2Endpoint(answering('some content'))
      await using lab = await Http2Lab.start({ endpoints: [endpoint.endpoint], flowOf: upgraded })

      const { stdout } = await run(program, [...options, `${lab.url}/a`])

      expect(stdout).toContain('some content')
      expect((await lab.ended(1))[0]).toMatchObject({ outcome: 'completed', status: 200 })
    },
  )
})

describe('upgradeSettings', () => {
  it('reads the payload of a SETTINGS frame, also with padding and when empty', () => {
    expect(upgradeSettings('AAMAAABkAAQAAP__')).toEqual(Buffer.concat([setting(3, 100), setting(4, 65_535)]))
    expect(upgradeSettings('')).toEqual(Buffer.alloc(0))
  })

  it.each([undefined, 'AAMAAABk!', 'AAMA', 'AAMAAABkAAQAAP/+', 'A', 'AAMAAABk AAMAAABk'])(
    'is not there in %s',
    (value) => {
      expect(upgradeSettings(value)).toBeUndefined()
    },
  )
})
