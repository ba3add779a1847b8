import { type LabHost, type LabProcess, type Mesh, startTcpEcho, startTcpGreeter } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { whenConnected } from '../support/connected.ts'
import { pathOf } from '../support/flows.ts'
import { BY_REQUEST } from '../support/http/l7.ts'
import { HTTP_PROGRAMS } from '../support/http/programs.ts'
import { requestMany } from '../support/http/requests.ts'
import { runClient, startServer } from '../support/program.ts'
import { Authority } from '../support/protocols/certificates.ts'
import { PROGRAMS } from '../support/protocols/programs.ts'
import { sha256, streamBytes } from '../support/protocols/stream-bytes.ts'
import { report } from '../support/report.ts'
import { applyServices, type ServedService } from '../support/services.ts'
import { clientOf, startTwoSites } from '../support/two-sites.ts'

const PORTS = { origin: 9_001, banner: 9_002, line: 9_003, bulk: 9_004, secure: 9_005 }
const PROGRAMS_HERE = { ...PROGRAMS, ...HTTP_PROGRAMS }
const MIB = 1_048_576
const SNIFFING_MS = 100
/** Pods beside beta that serve TLS. */
const SECURE_PODS = ['secure-1', 'secure-2', 'secure-3']
const SERVER_NAMES = Array.from({ length: 12 }, (_, index) => `host-${index}.example`)

const ORIGINS = [
  { from: 'edge-2', path: 'local' },
  { from: 'edge-1', path: 'relayed' },
] as const

/** All servers are on edge-2; edge-1 reaches them by the relay. Each port is said to speak HTTP, or TLS. */
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
    const secure = await startSecurePods()
    const services = servicesOf(secure)
    await applyServices(mesh, services)
    for (const { from } of ORIGINS) await whenConnected(clientOf(mesh, from), services)
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  describe.each(ORIGINS)('from a pod on $from ($path)', ({ from, path }) => {
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

    it('TLS connections of one server name go to one endpoint, whoever calls, and their ALPN is that of the endpoint', async () => {
      const mark = await mesh.agent(from).log.mark()
      const another = await mesh.lab.addPod(from, { name: `another-${from}`, namespace: 'apps' })
      const ask = (host: LabHost): Promise<SecureResult> =>
        runClient(host, {
          file: HTTP_PROGRAMS.serverNamesClient,
          args: [hostOf('secure'), 80, ...SERVER_NAMES],
        })
      const answers = await ask(clientOf(mesh, from))

      expect(await ask(another)).toEqual(answers)
      expect(answers.map(({ servername }) => servername)).toEqual(SERVER_NAMES)
      expect(new Set(answers.map(({ alpnProtocol }) => alpnProtocol))).toEqual(new Set(['scenario/2']))
      expect(new Set(answers.map(({ pod }) => pod)).size).toBeGreaterThan(1)
      expect(await pathOf(mesh.agent(from), 'apps/secure:https', mark)).toBe(path)
      const [first = ''] = SERVER_NAMES
      await mesh
        .agent(from)
        .log.waitFor(({ message, serverName }) => message === 'flow ended' && serverName === first, {
          mark,
        })
    })
  })

  /** @returns their endpoints */
  async function startSecurePods(): Promise<ServedService['endpoints']> {
    const authority = await Authority.create(mesh.lab.logFolder)
    const { key, certificate } = await authority.issue('secure.example')
    const args = [PORTS.secure, key, certificate]
    const pods = []
    for (const name of SECURE_PODS) pods.push(await mesh.lab.addPod('edge-2', { name, namespace: 'apps' }))
    const started = pods.map(
      (pod): Promise<LabProcess> => startServer(pod, { file: HTTP_PROGRAMS.serverNamesServer, args }),
    )
    await Promise.all(started)
    return pods.map(({ address }) => ({ ip: address, node: 'edge-2' }))
  }
})

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

type SecureResult = readonly {
  readonly pod: string
  readonly servername: string
  readonly alpnProtocol: string
}[]

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
  banner: SAID_TO_BE_HTTP,
  line: SAID_TO_BE_HTTP,
  bulk: SAID_TO_BE_HTTP,
  secure: { portName: 'https', annotations: { 'edgeway.io/balancing': 'server-name-hash' } },
}

function servicesOf(secure: ServedService['endpoints']): ServedService[] {
  return (Object.keys(PORTS) as (keyof typeof PORTS)[]).map((name, index) => ({
    ...{ namespace: 'apps', name, clusterIp: `10.96.1.${index + 1}`, port: 80, targetPort: PORTS[name] },
    endpoints: name === 'secure' ? secure : [{ ip: '10.244.1.11', node: 'edge-2' }],
    ...WISHES[name],
  }))
}

function hostOf(service: keyof typeof PORTS): string {
  return `${service}.apps`
}
