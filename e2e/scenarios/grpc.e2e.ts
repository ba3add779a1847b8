import type { Mesh } from '@edgeway/testbed'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { whenConnected } from '../support/connected.ts'
import { callManyGrpc, startGrpcCalls } from '../support/http/grpc-calls.ts'
import type { Http2Result } from '../support/http/http2-result.ts'
import { BY_REQUEST, requestsOf } from '../support/http/l7.ts'
import { HTTP_PROGRAMS } from '../support/http/programs.ts'
import { runClient, startServer } from '../support/program.ts'
import type { GrpcResult } from '../support/protocols/grpc-result.ts'
import { PROGRAMS } from '../support/protocols/programs.ts'
import { sha256, streamBytes } from '../support/protocols/stream-bytes.ts'
import { report } from '../support/report.ts'
import { Servers } from '../support/servers.ts'
import { applyServices, type ServedService } from '../support/services.ts'
import { clientOf, startTwoSites } from '../support/two-sites.ts'

const GRPC_PORT = 9_001
const H2_PORT = 9_002
const PODS = ['grpc-1', 'grpc-2', 'grpc-3'] as const
const DRAINED = 'grpc-3'
const CALLS = 10_000
const MIB = 1_048_576
/** Codes of gRPC. */
const CANCELLED = 1
const DEADLINE_EXCEEDED = 4
/** Longer than an endpoint is left out at first. */
const SOON = { timeout: 40_000 }

const ORIGINS = [
  { from: 'edge-2', path: 'local' },
  { from: 'edge-1', path: 'relayed' },
] as const

/** Three pods on edge-2 serve everything; edge-1 reaches them by the relay. */
describe('HTTP/2 and gRPC', () => {
  let mesh: Mesh
  let servers: Servers

  beforeAll(async () => {
    mesh = await startTwoSites()
    servers = await Servers.start(mesh, { 'edge-2': PODS }, (pod) =>
      startServer(pod, { file: PROGRAMS.grpcServer, args: [GRPC_PORT] }),
    )
    const origin = { file: HTTP_PROGRAMS.http2Origin, args: [H2_PORT] }
    await Promise.all(PODS.map((name) => startServer(servers.pod(name), origin)))
    const services = Object.keys(SERVICES).map((name) => serviceOf(name))
    await applyServices(mesh, services)
    for (const { from } of ORIGINS) await whenConnected(clientOf(mesh, from), services)
  })
  afterEach(async () => {
    await servers?.reviveAll()
    await applyServices(mesh, [serviceOf('calls'), serviceOf('turns')])
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  describe.each(ORIGINS)('from a pod on $from ($path)', ({ from }) => {
    it('all four kinds of calls work, with flow control, and the server knows when one is over', async () => {
      const args = ['single.apps', 80]
      const { bidiStreaming, ...result } = await runClient<GrpcResult>(clientOf(mesh, from), {
        ...{ file: PROGRAMS.grpcClient, args },
      })

      expect(result).toEqual({
        ...{ unary: true, serverStreaming: true, clientStreaming: { messages: 1_000, bytes: 1_000_000 } },
        ...{ cancelled: CANCELLED, serverSawCancel: true },
        ...{ deadline: DEADLINE_EXCEEDED, serverSawDeadline: true },
      })
      report(
        'messages that passed while the client read none',
        bidiStreaming.whileHeldBack,
        `of ${bidiStreaming.total}`,
      )
      expect(bidiStreaming.whileHeldBack).toBeLessThan(bidiStreaming.total / 2)
      expect(bidiStreaming).toMatchObject({ otherCall: true, inOrder: bidiStreaming.total })
    })

    it('the calls of one connection are spread over all endpoints, in turns where that is wished', async () => {
      await whenSpread('turns', from)
      const { answers, failed } = await callManyGrpc(clientOf(mesh, from), {
        ...{ service: 'turns.apps', atOnce: 20, count: CALLS },
      })

      expect(failed).toEqual({})
      expect(Object.keys(answers).toSorted()).toEqual(PODS)
      const share = CALLS / PODS.length
      for (const count of Object.values(answers))
        expect(Math.abs(count - share)).toBeLessThanOrEqual(share / 100)
    })

    it('they are spread without any wish, and each of them is counted', async () => {
      await whenSpread('calls', from)
      const before = await requestsOf(mesh.agent(from), 'apps/calls:main')
      const { answers, failed } = await callManyGrpc(clientOf(mesh, from), {
        ...{ service: 'calls.apps', atOnce: 20, count: 3_000 },
      })

      expect(failed).toEqual({})
      // By chance: a share of a third is 1,000, with a standard deviation of 26.
      for (const pod of PODS) expect(answers[pod]).toBeGreaterThan(800)
      const counted = async () => (await requestsOf(mesh.agent(from), 'apps/calls:main')) - before
      await expect.poll(counted, SOON).toBeGreaterThanOrEqual(3_000)
    })

    it('no call fails when an endpoint is drained, and it is used again when it is back', async () => {
      await whenSpread('calls', from)
      await using calls = startGrpcCalls(clientOf(mesh, from), { service: 'calls.apps', atOnce: 8 })
      await calls.whenMore(500)

      await applyServices(mesh, [serviceOf('calls', { draining: DRAINED })])
      await servers.stop(DRAINED)
      await calls.whenMore(500)
      await servers.reviveAll()
      await applyServices(mesh, [serviceOf('calls')])
      await calls.whenMore(500)
      const { answers, failed } = await calls.stop()

      expect(failed).toEqual({})
      expect(answers[DRAINED]).toBeGreaterThan(0)
      await whenSpread('calls', from)
    })

    it('calls fail only that are under way at an endpoint when it is killed', async () => {
      await whenSpread('calls', from)
      const atOnce = 8
      await using calls = startGrpcCalls(clientOf(mesh, from), { service: 'calls.apps', atOnce })
      await calls.whenMore(500)
      await servers.kill(DRAINED)
      await calls.whenMore(500)
      const failures = Object.entries((await calls.stop()).failed)

      report(
        'calls that the death of an endpoint cut off',
        sum(failures.map(([, count]) => count)),
        `of ${atOnce} at once`,
      )
      for (const [kind] of failures) expect(kind).toMatch(/^UNAVAILABLE/)
      expect(sum(failures.map(([, count]) => count))).toBeLessThanOrEqual(atOnce)
    })

    it('HTTP/2: requests of one connection get their own answers and trailers, while another one is not read', async () => {
      const flood = 16 * MIB
      const { pods, wrong, ...got } = await runClient<Http2Result>(clientOf(mesh, from), {
        ...{ file: HTTP_PROGRAMS.http2Client, args: ['h2.apps', 80, 300, flood] },
      })

      expect({ wrong, ...got }).toEqual({ wrong: 0, flood: sha256(streamBytes(flood, 1)) })
      expect(Object.keys(pods).toSorted()).toEqual(PODS)
    })

    it('HTTP/2: a client may know it before, or ask for it by an upgrade', async () => {
      for (const option of ['--http2-prior-knowledge', '--http2']) {
        const write = ['--silent', '--max-time', '10', '--write-out', ' %{http_version} %{http_code}']
        const { stdout } = await clientOf(mesh, from).exec([
          'curl',
          ...write,
          option,
          'http://h2.apps/by-curl',
        ])
        expect(stdout, option).toMatch(/^\{"pod":"grpc-\d","path":"\/by-curl",.*\}\n 2 200$/)
      }
    })
  })

  /** All endpoints answer; changes of the cluster reach agents when they do. */
  async function whenSpread(service: string, from: 'edge-1' | 'edge-2'): Promise<void> {
    const pods = async () => {
      const options = { service: `${service}.apps`, atOnce: 4, count: 60 }
      return Object.keys((await callManyGrpc(clientOf(mesh, from), options)).answers).toSorted()
    }
    await expect.poll(pods, SOON).toEqual(PODS)
  }

  function serviceOf(name: string, { draining }: { readonly draining?: string } = {}): ServedService {
    const { only, ...wishes } = SERVICES[name] ?? {}
    const pods = only === undefined ? PODS : [only]
    const endpoints = servers
      .endpoints(...pods)
      .map((endpoint, index) => ({ ...endpoint, ready: pods[index] !== draining }))
    const clusterIp = `10.96.3.${Object.keys(SERVICES).indexOf(name) + 1}`
    return { namespace: 'apps', name, clusterIp, port: 80, targetPort: GRPC_PORT, endpoints, ...wishes }
  }
})

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

interface Wishes extends Pick<ServedService, 'annotations' | 'appProtocol'> {
  readonly targetPort?: number
  /** Its only endpoint. */
  readonly only?: string
}

const SERVICES: Readonly<Record<string, Wishes>> = {
  calls: { appProtocol: 'grpc' },
  turns: { appProtocol: 'kubernetes.io/h2c', annotations: { 'edgeway.io/balancing': 'round-robin' } },
  h2: { appProtocol: 'kubernetes.io/h2c', targetPort: H2_PORT },
  // Without a wish, the connections of a Service with one endpoint are left alone.
  single: { appProtocol: 'grpc', annotations: BY_REQUEST, only: 'grpc-1' },
}
