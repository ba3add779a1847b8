import { type LabProcess, type Mesh, startTcpEcho, startTcpGreeter } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, callUntil } from '../support/call.ts'
import { pathOf } from '../support/flows.ts'
import { runClient, startServer } from '../support/program.ts'
import { Authority, type Identity } from '../support/protocols/certificates.ts'
import type { GrpcResult } from '../support/protocols/grpc-result.ts'
import { PROGRAMS } from '../support/protocols/programs.ts'
import { sha256, streamBytes } from '../support/protocols/stream-bytes.ts'
import { report } from '../support/report.ts'
import { applyServices, BY_AGENT } from '../support/services.ts'
import { clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

const PORTS = { web: POD_PORT, websocket: 9001, grpc: 9002, tls: 9003, banner: 9004, line: 9005, bulk: 9006 }

const CLIENT_NAME = 'client.apps'
const MIB = 1_048_576
/** Codes of gRPC. */
const CANCELLED = 1
const DEADLINE_EXCEEDED = 4
/** A proxy that waits for the client to speak first waits at least that long. */
const SNIFFING_MS = 100

const ORIGINS = [
  { from: 'edge-1', path: 'relayed' },
  { from: 'edge-2', path: 'local' },
] as const

/** All servers are in the pod beta on edge-2; edge-1 reaches them by the relay. */
describe('a real protocol', () => {
  let mesh: Mesh
  let authority: Authority
  let identity: Identity
  /** The server that knows the ends of streams. */
  let bulk: LabProcess

  beforeAll(async () => {
    mesh = await startTwoSites()
    authority = await Authority.create(mesh.lab.logFolder)
    identity = await authority.issue(CLIENT_NAME)
    const { key, certificate } = await authority.issue(hostOf('tls'))
    const pod = mesh.lab.pod('beta')
    const server = (program: keyof typeof PROGRAMS, ...args: (string | number)[]): Promise<LabProcess> =>
      startServer(pod, { file: PROGRAMS[program], args })
    bulk = await server('halfCloseServer', PORTS.bulk)
    await Promise.all([
      server('websocketServer', PORTS.websocket),
      server('grpcServer', PORTS.grpc),
      server('tlsServer', PORTS.tls, authority.certificate, key, certificate),
      startTcpGreeter(pod, { port: PORTS.banner }),
      startTcpEcho(pod, { port: PORTS.line }),
    ])
    await applyServices(mesh, SERVICES)
    for (const { from } of ORIGINS)
      await callUntil(clientOf(mesh, from), `http://${hostOf('web')}/`, answeredBy('beta'))
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  describe.each(ORIGINS)('from a pod on $from ($path)', ({ from, path }) => {
    function client<Result>(
      program: keyof typeof PROGRAMS,
      args: readonly (string | number)[],
    ): Promise<Result> {
      return runClient(clientOf(mesh, from), { file: PROGRAMS[program], args })
    }

    it('HTTP: many requests go by one connection', async () => {
      const mark = await mesh.agent(from).log.mark()
      const answers = await client<HttpResult>('httpClient', ['keep-alive', hostOf('web'), 80, 300])

      expect(answers.paths).toEqual(numbered(300))
      expect(answers.clients).toHaveLength(1)
      expect(await pathOf(mesh.agent(from), 'apps/web:main', mark)).toBe(path)
    })

    it('HTTP: requests that are sent at once are answered in order', async () => {
      const answers = await client<HttpResult>('httpClient', ['pipelining', hostOf('web'), 80, 300])

      expect(answers.paths).toEqual(numbered(300))
      expect(answers.clients).toHaveLength(1)
    })

    it('WebSocket: messages of 64 MiB go both ways unharmed', async () => {
      const bytes = 64 * MIB
      const started = performance.now()
      const checksums = await client('websocketClient', [hostOf('websocket'), 80, bytes])
      report('64 MiB there and 64 MiB back', Math.round(performance.now() - started))

      expect(checksums).toEqual({
        sent: sha256(streamBytes(bytes, 1)),
        received: sha256(streamBytes(bytes, 2)),
      })
    })

    it('gRPC: all four kinds of calls work, with flow control, and the server knows when one is over', async () => {
      const { bidiStreaming, ...result } = await client<GrpcResult>('grpcClient', [hostOf('grpc'), 80])

      expect(result).toEqual({
        unary: true,
        serverStreaming: true,
        clientStreaming: { messages: 1_000, bytes: 1_000_000 },
        cancelled: CANCELLED,
        serverSawCancel: true,
        deadline: DEADLINE_EXCEEDED,
        serverSawDeadline: true,
      })
      report(
        'messages that passed while the client read none',
        bidiStreaming.whileHeldBack,
        `of ${bidiStreaming.total}`,
      )
      expect(bidiStreaming.whileHeldBack).toBeLessThan(bidiStreaming.total / 2)
      expect(bidiStreaming).toMatchObject({ otherCall: true, inOrder: bidiStreaming.total })
    })

    it('TLS: client and server see the certificates of each other', async () => {
      const own = [identity.key, identity.certificate]

      expect(await client('tlsClient', [hostOf('tls'), 80, authority.certificate, ...own])).toEqual({
        server: hostOf('tls'),
        seen: { client: CLIENT_NAME, servername: hostOf('tls'), alpnProtocol: 'scenario/1' },
      })
      expect(await client('tlsClient', [hostOf('tls'), 80, authority.certificate])).toEqual({
        error: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      })
    })

    it('a server that speaks first is heard as soon as one that answers', async () => {
      const { banners, serverFirstMs, clientFirstMs } = await client<FirstByteResult>('firstByteClient', [
        hostOf('banner'),
        hostOf('line'),
        21,
      ])
      report('first byte of a server that speaks first', Math.round(serverFirstMs))
      report('first byte of a server that answers', Math.round(clientFirstMs))

      expect(banners).toEqual(['hello from beta on edge-2'])
      expect(serverFirstMs - clientFirstMs).toBeLessThan(SNIFFING_MS)
    })

    it('a client that has ended still gets its answer', async () => {
      const bytes = 3 * MIB + 1
      const { sent, checksum } = await client<HalfCloseResult>('halfCloseClient', [
        hostOf('bulk'),
        80,
        'c',
        bytes,
      ])

      expect(sent).toBe(sha256(streamBytes(bytes, 1)))
      expect(checksum).toBe(sha256(Buffer.concat([Buffer.from(`${sent}\n`), streamBytes(MIB, 2)])))
    })

    it('a server that has ended still gets what the client sends', async () => {
      // Another number for each, so that the server's output tells them apart.
      const bytes = 3 * MIB + (path === 'local' ? 1 : 2)
      const { sent, checksum } = await client<HalfCloseResult>('halfCloseClient', [
        hostOf('bulk'),
        80,
        's',
        bytes,
      ])

      expect(checksum).toBe(sha256(streamBytes(MIB, 2)))
      await bulk.waitForOutput(new RegExp(`^received ${sent}$`, 'm'), 20_000)
    })
  })
})

interface HttpResult {
  readonly paths: readonly string[]
  readonly clients: readonly string[]
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

const SERVICES = Object.entries(PORTS).map(([name, targetPort], index) => ({
  namespace: 'apps',
  name,
  clusterIp: `10.96.1.${index + 1}`,
  port: 80,
  targetPort,
  annotations: BY_AGENT,
  endpoints: [{ ip: '10.244.1.11', node: 'edge-2' }],
}))

function hostOf(service: keyof typeof PORTS): string {
  return `${service}.apps`
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `/${index}`)
}
