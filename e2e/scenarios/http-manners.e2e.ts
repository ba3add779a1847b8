import { type LabHost, type Mesh, startTcpEcho, startTcpGreeter } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { whenConnected } from '../support/connected.ts'
import { BY_REQUEST, statsOf } from '../support/http/l7.ts'
import { HTTP_PROGRAMS } from '../support/http/programs.ts'
import { requestMany, startRequests } from '../support/http/requests.ts'
import { startLoad } from '../support/load.ts'
import { runClient, startServer } from '../support/program.ts'
import { PROGRAMS } from '../support/protocols/programs.ts'
import { sha256, streamBytes } from '../support/protocols/stream-bytes.ts'
import { report } from '../support/report.ts'
import { applyServices, type ServedService } from '../support/services.ts'
import { clientOf, startTwoSites } from '../support/two-sites.ts'

const PORTS = { origin: 9_001, changing: 9_001, banner: 9_002, line: 9_003, bulk: 9_004 }
const PROGRAMS_HERE = { ...PROGRAMS, ...HTTP_PROGRAMS }
const MIB = 1_048_576
const SNIFFING_MS = 100
/** net/tcp_states.h */
const TIME_WAIT = '06'
const SOON = { timeout: 20_000 }
const ORIGINS = [
  { from: 'edge-2', path: 'local' },
  { from: 'edge-1', path: 'relayed' },
] as const

/** All servers are in the pod beta on edge-2; edge-1 reaches them by the relay. Each port is said to speak HTTP. */
describe('a Service whose requests are balanced', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
    const pod = mesh.lab.pod('beta')
    await Promise.all([
      startServer(pod, { file: HTTP_PROGRAMS.origin, args: [PORTS.origin] }),
      startServer(pod, { file: PROGRAMS.halfCloseServer, args: [PORTS.bulk] }),
      startTcpGreeter(pod, { port: PORTS.banner }),
      startTcpEcho(pod, { port: PORTS.line }),
    ])
    const services = (Object.keys(PORTS) as (keyof typeof PORTS)[]).map(serviceOf)
    await applyServices(mesh, services)
    for (const { from } of ORIGINS) await whenConnected(clientOf(mesh, from), services)
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  describe.each(ORIGINS)('from a pod on $from ($path)', ({ from }) => {
    function client<Result>(
      program: keyof typeof PROGRAMS_HERE,
      args: readonly (string | number)[],
    ): Promise<Result> {
      return runClient(clientOf(mesh, from), { file: PROGRAMS_HERE[program], args })
    }

    it('a server that speaks first on a port declared as HTTP is heard as soon as one that answers', async () => {
      const hosts = [hostOf('banner'), hostOf('line')]
      const { banners, serverFirstMs, clientFirstMs } = await client<FirstByteResult>('firstByteClient', [
        ...hosts,
        21,
      ])
      report('first byte of a server that speaks first', Math.round(serverFirstMs))
      report('first byte of a server that answers', Math.round(clientFirstMs))

      expect(banners).toEqual(['hello from beta on edge-2'])
      expect(serverFirstMs - clientFirstMs).toBeLessThan(SNIFFING_MS)
    })

    it('what is no HTTP passes unharmed on a port declared as HTTP', async () => {
      const bytes = 3 * MIB + 1
      const messages = OTHER_PROTOCOLS.map((text) => Buffer.from(text, 'latin1').toString('base64'))
      const answers = await client<RawResult>('rawClient', [hostOf('line'), 80, 1_000, ...messages])
      expect(answers.map(({ text }) => text)).toEqual(OTHER_PROTOCOLS)

      for (const mode of ['c', 's']) {
        const { sent, checksum } = await client<HalfCloseResult>('halfCloseClient', [
          ...[hostOf('bulk'), 80, mode, bytes],
        ])
        const answer = streamBytes(MIB, 2)
        expect(checksum).toBe(
          sha256(mode === 's' ? answer : Buffer.concat([Buffer.from(`${sent}\n`), answer])),
        )
      }
    })

    it('what breaks off is taken for whole by neither side', async () => {
      const download = async (target: string, ...options: string[]): Promise<string> => {
        const write = [
          '--silent',
          '--max-time',
          '10',
          '--output',
          '/dev/null',
          '--write-out',
          '%{exitcode} %{size_download}',
        ]
        return (
          await clientOf(mesh, from).exec([
            'curl',
            ...write,
            ...options,
            `http://${hostOf('origin')}${target}`,
          ])
        ).stdout
      }
      // By a reset, which may overtake the last of the 100,000 bytes.
      for (const framing of ['chunked', 'length'])
        expect(await download(`/cut?framing=${framing}`)).toMatch(/^(18|56) \d+$/)
      for (const version of ['--http1.1', '--http1.0'])
        expect(await download(`/until-close?n=${MIB}`, version)).toBe(`0 ${MIB}`)

      const broken = async () => (await statsOf(mesh.lab.pod('beta'), PORTS.origin)).broken
      const before = await broken()
      const messages = BROKEN_UPLOADS.map((text) => Buffer.from(text).toString('base64'))
      await client<RawResult>('rawClient', [hostOf('origin'), 80, 300, ...messages])
      await expect.poll(broken, SOON).toBe(before + BROKEN_UPLOADS.length)
    })

    it('closes connections that are closed after one request, so that the ports of clients stay free', async () => {
      const pod = clientOf(mesh, from)
      const before = await portsInTimeWait(pod)
      const many = [
        'curl',
        '--silent',
        '--parallel',
        '--output',
        '/dev/null',
        '--header',
        'connection: close',
      ]
      const { code } = await pod.exec([...many, `http://${hostOf('origin')}/?[1-400]`])

      expect(code).toBe(0)
      expect((await portsInTimeWait(pod)) - before).toBeLessThan(20)
    })

    it('an answer that comes before the end of the upload arrives', async () => {
      const command = [
        'curl',
        '--silent',
        '--output',
        '/dev/null',
        '--write-out',
        '%{http_code}',
        '--data-binary',
        '@-',
      ]
      const { stdout } = await clientOf(mesh, from).exec(
        [...command, '--header', 'expect:', `http://${hostOf('origin')}/early`],
        { input: 'x'.repeat(16 * MIB) },
      )
      expect(stdout).toBe('413')
    })

    it('requests go on while their Service begins to be balanced by them, and ends it', async () => {
      const apply = (annotations: ServedService['annotations']): Promise<void> =>
        applyServices(mesh, [{ ...serviceOf('changing'), ...(annotations && { annotations }) }])
      await using requests = startRequests(clientOf(mesh, from), { service: hostOf('changing'), atOnce: 3 })
      await using calls = startLoad(clientOf(mesh, from), { service: hostOf('changing'), atOnce: 2 })
      const { annotations: byHeader } = SAID_TO_BE_HTTP
      for (const annotations of [BY_REQUEST, {}, byHeader, {}]) {
        await apply(annotations)
        await Promise.all([requests.whenMore(200), calls.whenMore(100)])
      }

      expect((await requests.stop()).failed).toEqual({})
      expect((await calls.stop()).failed).toEqual({})
    })

    it('malformed, ambiguous and endless requests are refused, and nobody else notices', async () => {
      const messages = BAD_REQUESTS.map(({ text }) => Buffer.from(text, 'latin1').toString('base64'))
      const [answers, others] = await Promise.all([
        client<RawResult>('rawClient', [hostOf('origin'), 80, 20_000, ...messages]),
        requestMany(clientOf(mesh, from), { service: hostOf('origin'), atOnce: 2, count: 500 }),
      ])

      expect(answers.map(({ text, ended }) => ({ status: Number(text.slice(9, 12)), ended }))).toEqual(
        BAD_REQUESTS.map(({ status }) => ({ status, ended: true })),
      )
      expect(others.failed).toEqual({})
    })
  })
})

/** How many connections of a pod the kernel keeps after their end, for which the pod can't use their ports. */
async function portsInTimeWait(pod: LabHost): Promise<number> {
  const { stdout } = await pod.exec(['cat', '/proc/net/tcp'])
  return stdout.split('\n').filter((line) => line.trim().split(/\s+/)[3] === TIME_WAIT).length
}

interface FirstByteResult {
  readonly banners: readonly string[]
  readonly serverFirstMs: number
  readonly clientFirstMs: number
}

interface HalfCloseResult {
  readonly sent: string
  readonly checksum: string
}

type RawResult = readonly { readonly text: string; readonly ended: boolean }[]

/** First words of clients that speak something else, some of them short, some without a line's end. */
const OTHER_PROTOCOLS = [
  'EHLO client.example\r\n',
  '*1\r\n$4\r\nPING\r\n',
  '\u0000\u0003\u0000\u0001\u00ff\u00fe',
  '\u0016\u0003',
  'x',
  'quit\n',
  `${'long '.repeat(4_000)}\n`,
  String.fromCharCode(...Array.from({ length: 4_096 }, (_, index) => (index * 7 + 128) % 256)),
]

const HOST = 'host: origin.apps\r\n'

/** Each is closed in the middle of its body. */
const BROKEN_UPLOADS = [
  `POST / HTTP/1.1\r\n${HOST}content-length: 100\r\n\r\nhalf of it`,
  `POST / HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\n5\r\nhalf \r\n`,
]

const BAD_REQUESTS = [
  { text: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
  { text: `POST / HTTP/1.1\r\n${HOST}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`, status: 400 },
  { text: `POST / HTTP/1.1\r\n${HOST}content-length: 1\r\ncontent-length: 1\r\n\r\nx`, status: 400 },
  { text: `GET / HTTP/1.1\r\n${HOST}x-folded: a\r\n b\r\n\r\n`, status: 400 },
  { text: `GET / HTTP/1.1\n${HOST}\r\n\r\n`, status: 400 },
  { text: `CONNECT origin.apps:80 HTTP/1.1\r\n${HOST}\r\n`, status: 405 },
  { text: `GET / HTTP/1.1\r\n${HOST}x-long: ${'x'.repeat(70_000)}\r\n\r\n`, status: 431 },
  // The rest of its head never comes.
  { text: `GET / HTTP/1.1\r\n${HOST}x-begun: `, status: 408 },
]

/** By a wish that only makes sense for HTTP. */
const SAID_TO_BE_HTTP = { portName: 'http', annotations: { 'edgeway.io/hash-header': 'x-user' } }

const WISHES: Readonly<Record<keyof typeof PORTS, object>> = {
  origin: { annotations: BY_REQUEST },
  changing: {},
  banner: SAID_TO_BE_HTTP,
  line: SAID_TO_BE_HTTP,
  bulk: SAID_TO_BE_HTTP,
}

/** With the pod beta as its only endpoint. */
function serviceOf(name: keyof typeof PORTS): ServedService {
  const clusterIp = `10.96.1.${Object.keys(PORTS).indexOf(name) + 1}`
  const endpoints = [{ ip: '10.244.1.11', node: 'edge-2' }]
  return { namespace: 'apps', name, clusterIp, port: 80, targetPort: PORTS[name], endpoints, ...WISHES[name] }
}

function hostOf(service: keyof typeof PORTS): string {
  return `${service}.apps`
}
