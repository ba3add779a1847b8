import { type LabHost, type LabProcess, type Mesh, patternSha256 } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { whenConnected } from '../support/connected.ts'
import { BY_REQUEST, getJson, requestsOf, statsOf } from '../support/http/l7.ts'
import { headersOf } from '../support/http/origin-answer.ts'
import { HTTP_PROGRAMS } from '../support/http/programs.ts'
import { requestMany } from '../support/http/requests.ts'
import type { WebSocketTalk } from '../support/http/web-socket-order.ts'
import { openFiles } from '../support/open-files.ts'
import { runClient, start, startServer } from '../support/program.ts'
import { PROGRAMS } from '../support/protocols/programs.ts'
import { sha256, streamBytes } from '../support/protocols/stream-bytes.ts'
import { report } from '../support/report.ts'
import { applyServices } from '../support/services.ts'
import { clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

/** Of the pod beta: what serves each Service. */
const PORTS = {
  ...{ web: POD_PORT, origin: 9_001, websocket: 9_002, talk: 9_003, closing: 9_004 },
}
/** The others don't say what they speak. */
const DECLARED: Partial<Record<keyof typeof PORTS, string>> = {
  ...{ web: 'http', talk: 'kubernetes.io/ws' },
}

const PROGRAMS_HERE = { ...PROGRAMS, ...HTTP_PROGRAMS }
const SOON = { timeout: 20_000 }
const MB = 1_000_000
const MIB = 1_048_576
const GIB = 1_024 * MIB
const UPLOAD_BYTES = 64 * MIB
/** As for any flow. */
const MOST_HELD_BYTES = 8 * MIB
const MOST_GROWTH_MB = 100
const CONNECTIONS = 5_000
const AT_ONCE = 100
/** Of both agents, as many as requests are under way at once, and some: not one for each client, nor for each silent one. */
const MOST_POOLED = 3 * AT_ONCE

const ORIGINS = [
  { from: 'edge-2', path: 'local' },
  { from: 'edge-1', path: 'relayed' },
] as const

/** All servers are in the pod beta on edge-2; edge-1 reaches them by the relay. Requests are balanced one by one. */
describe('HTTP at L7', () => {
  let mesh: Mesh
  let origin: LabHost

  beforeAll(async () => {
    mesh = await startTwoSites()
    origin = mesh.lab.pod('beta')
    const server = (program: keyof typeof PROGRAMS_HERE, ...args: (string | number)[]): Promise<LabProcess> =>
      startServer(origin, { file: PROGRAMS_HERE[program], args })
    await Promise.all([
      server('origin', PORTS.origin),
      server('origin', PORTS.closing, JSON.stringify({ closeIdleAfterMs: 2 })),
      server('websocketServer', PORTS.websocket),
      server('webSocketTalkServer', PORTS.talk),
    ])
    await applyServices(mesh, SERVICES)
    for (const { from } of ORIGINS) await whenConnected(clientOf(mesh, from), SERVICES)
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

    it('each request is counted, sent one after another or all at once, and answered in order', async () => {
      const before = await requestsOf(mesh.agent(from), 'apps/web:main')
      for (const mode of ['keep-alive', 'pipelining']) {
        const answers = await client<HttpResult>('httpClient', [mode, hostOf('web'), 80, 300])
        expect(answers.paths).toEqual(Array.from({ length: 300 }, (_, index) => `/${index}`))
      }
      const counted = async () => (await requestsOf(mesh.agent(from), 'apps/web:main')) - before
      await expect.poll(counted, SOON).toBeGreaterThanOrEqual(600)
    })

    it('the origin is told who called, and not what was meant for the next hop only', async () => {
      const options = ['--header', 'connection: x-hop', '--header', 'x-hop: 1', '--header', 'te: trailers']
      const got = await getJson(clientOf(mesh, from), `http://${hostOf('origin')}/a?b=%20c`, options)

      expect(got).toMatchObject({ pod: 'beta', method: 'GET', path: '/a?b=%20c' })
      expect(headersOf(got, 'x-forwarded-for')).toEqual([clientOf(mesh, from).address])
      expect(headersOf(got, 'host')).toEqual([hostOf('origin')])
      expect(headersOf(got, 'x-hop')).toEqual([])
    })

    it('answers without content end where they do', async () => {
      const url = `http://${hostOf('origin')}`
      const write = ['--silent', '--output', '/dev/null', '--write-out', '%{http_code} %{num_connects}\\n']
      const { stdout } = await clientOf(mesh, from).exec([
        ...['curl', ...write, '--head', url, '--next', ...write, `${url}/empty?status=204`],
        ...['--next', ...write, `${url}/empty?status=304`, '--next', ...write, url],
      ])

      expect(stdout.trim().split('\n')).toEqual(['200 1', '204 0', '304 0', '200 0'])
    })

    it('WebSocket: pings, fragments, subprotocol and close codes pass, and it is told when the other side vanishes', async () => {
      const { fragments, ...talk } = await client<WebSocketTalk>('webSocketTalkClient', [hostOf('talk'), 80])

      expect(talk).toEqual({
        protocol: 'second',
        extensions: 'permessage-deflate',
        pongs: ['to the server', 'to the client'],
        closes: [
          { code: 4_002, reason: 'the server has enough' },
          { code: 4_001, reason: 'the client has enough' },
          { code: 1_006, reason: '' },
        ],
      })
      expect(fragments).toEqual({ sent: fragments.sent, seen: fragments.sent, pong: 'between fragments' })
    })

    it('WebSocket: messages of 64 MiB go both ways unharmed', async () => {
      const bytes = 64 * MIB
      expect(await client('websocketClient', [hostOf('websocket'), 80, bytes])).toEqual({
        sent: sha256(streamBytes(bytes, 1)),
        received: sha256(streamBytes(bytes, 2)),
      })
    })

    it('server-sent events arrive as they are sent', async () => {
      expect(await client('eventsClient', [hostOf('origin'), 80, 50])).toEqual(
        Array.from({ length: 50 }, (_, number) => number),
      )
    })

    it('an upload in chunks stops while its reader does, and then comes through unharmed', async () => {
      const growth = await memoryGrowth(async () => {
        const upload = await client<UploadResult>('uploadClient', [hostOf('origin'), 80, UPLOAD_BYTES])
        const checksum = sha256(streamBytes(UPLOAD_BYTES, 1))
        expect(upload).toMatchObject({ sent: checksum, answer: { bytes: UPLOAD_BYTES, sha256: checksum } })
        report('taken while nobody read', Math.round(upload.whileHeldBack / 1_024), 'KiB')
        expect(upload.whileHeldBack).toBeLessThanOrEqual(MOST_HELD_BYTES)
      })
      expect(growth, 'MB').toBeLessThanOrEqual(MOST_GROWTH_MB)
    })

    it('trailers pass in both directions', async () => {
      const result = await client<TrailersResult>('trailersClient', [hostOf('origin'), 80, MIB])

      const { sent } = result
      expect(result).toEqual({ sent, got: { 'x-checked': 'yes' }, trailers: { 'x-sha256': sent } })
    })

    it('who expects 100 (Continue) sends its body once the origin wants it, and keeps it when it does not', async () => {
      const post = (target: string) =>
        clientOf(mesh, from).exec(
          [
            ...['curl', '--silent', '--verbose', '--expect100-timeout', '30', '--data-binary', '@-'],
            ...['--header', 'expect: 100-continue', '--write-out', '%{http_code} %{size_upload}'],
            `http://${hostOf('origin')}${target}`,
          ],
          { input: 'x'.repeat(2 * MB) },
        )

      const taken = await post('/wanted')
      expect(taken.stderr).toContain('< HTTP/1.1 100 Continue')
      expect(taken.stdout).toContain(`"bytes":${2 * MB}`)
      expect(taken.stdout).toMatch(/200 2000000$/)
      const refused = await post('/refused')
      expect(refused.stderr).not.toContain('100 Continue')
      expect(refused.stdout).toMatch(/413 0$/)
    })

    it('1 GiB is downloaded unharmed, in constant memory', { timeout: 300_000 }, async () => {
      const started = performance.now()
      const growth = await memoryGrowth(async () => {
        const script = `curl --silent --fail 'http://${hostOf('web')}/bytes?n=${GIB}' | sha256sum`
        const { stdout } = await clientOf(mesh, from).exec(['sh', '-c', script], { timeoutMs: 280_000 })
        expect(stdout.split(' ')[0]).toBe(patternSha256(GIB))
      })
      report('1 GiB', Math.round(performance.now() - started))
      expect(growth, 'MB').toBeLessThanOrEqual(MOST_GROWTH_MB)
    })

    it('5,000 clients keep their connections, and share those to the origin', async () => {
      const agent = mesh.agent(from)
      const before = await openFiles(agent)
      const args = [hostOf('origin'), 80, CONNECTIONS, AT_ONCE]
      await using held = start(clientOf(mesh, from), { file: HTTP_PROGRAMS.heldConnections, args })
      const [line] = await held.waitForOutput(/^\{"answers".*\}$/m, 110_000)

      expect(JSON.parse(line)).toEqual({ answers: { beta: 2 * CONNECTIONS }, failed: 0 })
      // Others of its descriptors come and go.
      expect(await openFiles(agent)).toBeGreaterThan(before + 0.99 * CONNECTIONS)
      const { open } = await statsOf(origin, PORTS.origin)
      report('connections to the origin', open, `for ${CONNECTIONS} clients`)
      expect(open).toBeLessThanOrEqual(MOST_POOLED)
      report('memory of the agent meanwhile', Math.round((await agent.memory()).now / MB), 'MB')
      held.kill('SIGTERM')
      await expect.poll(() => openFiles(agent), SOON).toBeLessThanOrEqual(before + MOST_POOLED)
    })

    it('requests do not meet the end of idle connections to an origin', async () => {
      const options = { service: hostOf('closing'), atOnce: 3, count: 600 }
      const { answers, failed } = await requestMany(clientOf(mesh, from), options)

      expect(failed).toEqual({})
      expect(answers).toEqual({ beta: 600 })
    })
  })

  /** Of the agents, in MB: how much more they had at most during the work than before. */
  async function memoryGrowth(work: () => Promise<void>): Promise<number> {
    const agents = [mesh.agent('edge-1'), mesh.agent('edge-2')]
    const before = await Promise.all(agents.map(async (agent) => (await agent.memory()).now))
    await Promise.all(agents.map((agent) => agent.resetPeakMemory()))
    await work()
    const peaks = await Promise.all(agents.map(async (agent) => (await agent.memory()).peak))
    const growth = Math.max(...peaks.map((peak, index) => peak - (before[index] ?? 0))) / MB
    report('peak memory of an agent above what it had', Math.round(growth), 'MB')
    return growth
  }
})

interface HttpResult {
  readonly paths: readonly string[]
}

interface UploadResult {
  readonly whileHeldBack: number
}

interface TrailersResult {
  readonly sent: string
}

const SERVICES = Object.entries(PORTS).map(([name, targetPort], index) => ({
  ...{ namespace: 'apps', name, clusterIp: `10.96.1.${index + 1}`, port: 80, targetPort },
  ...{ annotations: BY_REQUEST, endpoints: [{ ip: '10.244.1.11', node: 'edge-2' }] },
  ...(name in DECLARED ? { appProtocol: DECLARED[name as keyof typeof PORTS] } : {}),
}))

function hostOf(service: keyof typeof PORTS): string {
  return `${service}.apps`
}
