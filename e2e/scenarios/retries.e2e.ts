import type { LabPod, Mesh } from '@edgeway/testbed'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { whenConnected } from '../support/connected.ts'
import { BY_REQUEST, setMode, statsOf } from '../support/http/l7.ts'
import { HTTP_PROGRAMS } from '../support/http/programs.ts'
import { requestMany, startRequests } from '../support/http/requests.ts'
import type { RequestsReport } from '../support/http/requests-report.ts'
import { startServer } from '../support/program.ts'
import { report } from '../support/report.ts'
import { Servers } from '../support/servers.ts'
import { applyServices, type ServedService } from '../support/services.ts'
import { clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

const PODS = ['web-1', 'web-2', 'web-3'] as const
const BAD = 'web-1'
/** What setMode takes beside statuses of HTTP. */
const SILENT = 0
const SOON = { timeout: 30_000 }
/** Longer than an endpoint is left out at first. */
const LATER = { timeout: 60_000 }

const ORIGINS = [
  { from: 'edge-2', path: 'local' },
  { from: 'edge-1', path: 'relayed' },
] as const

/** Three pods on edge-2 serve everything; edge-1 reaches them by the relay. */
describe('requests', () => {
  let mesh: Mesh
  let servers: Servers

  beforeAll(async () => {
    mesh = await startTwoSites({ config: { 'edge-agent': { traffic: { health: SOON_AGAIN } } } })
    servers = await Servers.start(mesh, { 'edge-2': PODS }, (pod) =>
      startServer(pod, { file: HTTP_PROGRAMS.origin, args: [POD_PORT] }),
    )
    const services = Object.keys(SERVICES).map(serviceOf)
    await applyServices(mesh, services)
    for (const { from } of ORIGINS) await whenConnected(clientOf(mesh, from), services)
  })
  afterEach(async () => {
    await servers?.reviveAll()
    await mode(200)
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  describe.each(ORIGINS)('from a pod on $from ($path)', ({ from }) => {
    it('that an endpoint answers with 503 go to another one, if nothing forbids it', async () => {
      await whenSpread('retried', from)
      await mode(503)
      const before = await asked()
      const [gets, posts] = [await few('retried', { from }), await few('retried', { from, method: 'POST' })]

      expect(gets.failed).toEqual({})
      expect(Object.keys(gets.answers).toSorted()).toEqual(PODS.filter((name) => name !== BAD))
      expect(await asked()).toBeGreaterThan(before)
      // Nobody may do twice what a POST does.
      expect(Object.keys(posts.failed)).toEqual(['status 503'])
      expect(Object.keys((await many('plain', { from })).failed)).toEqual(['status 503'])
    })

    it('that an endpoint does not answer go to another one in time, or are answered with 504', async () => {
      await whenSpread('tried', from)
      await mode(SILENT)
      const gets = await few('tried', { from })
      expect(gets.failed).toEqual({})
      expect(Object.keys(gets.answers)).not.toContain(BAD)

      const { answers, failed, failures } = await many('timed', { from, count: 20 })
      expect(answers).toEqual({})
      expect(failed).toEqual({ 'status 504': 20 })
      const took = failures.map(({ startedAt, endedAt }) => endedAt - startedAt)
      expect(Math.min(...took)).toBeGreaterThanOrEqual(REQUEST_TIMEOUT_MS - 1)
    })

    it('do not go to an endpoint any more that answers most of them with an error', async () => {
      await whenSpread('erring', from)
      await mode(500)
      const failures = async () => (await many('erring', { from, count: 60 })).failed

      await expect.poll(failures, SOON).toEqual({})
      const before = await asked()
      const { answers } = await many('erring', { from, count: 60 })
      expect(Object.values(answers).reduce((sum, count) => sum + count)).toBe(60)
      expect(await asked()).toBe(before)
      await mode(200)
      await whenSpread('erring', from, LATER)
    })

    it('that may be repeated do not fail when an endpoint is killed', async () => {
      await whenSpread('retried', from, LATER)
      await using gets = startRequests(clientOf(mesh, from), { service: 'retried.apps', atOnce: 6 })
      await using puts = startRequests(clientOf(mesh, from), {
        ...{ service: 'retried.apps', method: 'PUT', atOnce: 2 },
      })
      await Promise.all([gets.whenMore(200), puts.whenMore(100)])
      await servers.kill(BAD)
      await Promise.all([gets.whenMore(400), puts.whenMore(200)])

      expect((await gets.stop()).failures).toEqual([])
      // What is under way at that moment with its body gone; a PUT that begins later has an endpoint.
      const { failed } = await puts.stop()
      expect(Object.keys(failed).filter((kind) => kind !== 'status 502')).toEqual([])
      expect(failed['status 502'] ?? 0).toBeLessThanOrEqual(2)
      await servers.reviveAll()
      await whenSpread('retried', from, LATER)
    })

    it('go on when an endpoint falls silent with connections open, and it is used again', async () => {
      await whenSpread('tried', from, LATER)
      await using requests = startRequests(clientOf(mesh, from), { service: 'tried.apps', atOnce: 4 })
      await requests.whenMore(200)
      await mesh.lab.setLink(bad(), 'down')
      await expect.poll(async () => (await few('tried', { from })).failed, SOON).toEqual({})
      await requests.whenMore(200)
      await mesh.lab.setLink(bad(), 'up')
      await requests.whenMore(200)
      const { failed } = await requests.stop()
      // Beyond the budget of retries, until it is known to be silent.
      expect(Object.keys(failed).filter((kind) => kind !== 'status 504')).toEqual([])
      await whenSpread('tried', from, LATER)
    })

    it('get no wrong answer while the agents are killed and started anew, and all are answered afterwards', async () => {
      await using requests = startRequests(clientOf(mesh, from), { service: 'retried.apps', atOnce: 6 })
      await requests.whenMore(100)
      for (const agent of new Set([mesh.agent(from), mesh.agent('edge-2')])) {
        await agent.kill()
        await agent.start()
        await agent.whenReady()
        await whenAnswered(from)
        await requests.whenMore(200)
      }
      const { failed } = await requests.stop()

      report(
        'requests that failed meanwhile',
        Object.values(failed).reduce((sum, count) => sum + count, 0),
        '',
      )
      expect(Object.keys(failed)).not.toContain('wrong')
      expect((await many('retried', { from, count: 500 })).failed).toEqual({})
    })
  })

  it('get no wrong answer while the link between the sites is away, and all are answered afterwards', async () => {
    const link = mesh.lab.node('edge-2')
    await whenSpread('plain', 'edge-1', LATER)
    await using requests = startRequests(clientOf(mesh, 'edge-1'), { service: 'plain.apps', atOnce: 6 })
    await requests.whenMore(200)
    await mesh.lab.setLink(link, 'down')
    await new Promise((resolve) => setTimeout(resolve, AWAY_MS))
    await mesh.lab.setLink(link, 'up')
    await whenAnswered('edge-1')
    await requests.whenMore(200)
    await mesh.lab.resetNat('site-b')
    await whenAnswered('edge-1')
    await requests.whenMore(200)
    const { failed } = await requests.stop()

    report(
      'requests that failed meanwhile',
      Object.values(failed).reduce((sum, count) => sum + count, 0),
      '',
    )
    expect(Object.keys(failed)).not.toContain('wrong')
    expect((await many('plain', { from: 'edge-1', count: 500 })).failed).toEqual({})
  })

  interface Many {
    readonly from: 'edge-1' | 'edge-2'
    readonly method?: 'GET' | 'POST'
    readonly count?: number
  }

  function many(service: string, { from, method = 'GET', count = 120 }: Many): Promise<RequestsReport> {
    return requestMany(clientOf(mesh, from), { service: `${service}.apps`, method, atOnce: 4, count })
  }

  /** So few that all which meet the bad endpoint may be tried again: ten within ten seconds, by the budget. */
  function few(service: string, options: Many): Promise<RequestsReport> {
    return many(service, { ...options, count: 24 })
  }

  /** All endpoints answer. */
  async function whenSpread(service: string, from: 'edge-1' | 'edge-2', within = SOON): Promise<void> {
    const pods = async () => Object.keys((await many(service, { from, count: 40 })).answers).toSorted()
    await expect.poll(pods, within).toEqual(PODS)
  }

  async function whenAnswered(from: 'edge-1' | 'edge-2'): Promise<void> {
    await expect.poll(async () => (await many('plain', { from, count: 20 })).failed, LATER).toEqual({})
  }

  function bad(): LabPod {
    return servers.pod(BAD)
  }

  function mode(status: number): Promise<void> {
    return setMode(bad(), { port: POD_PORT, status })
  }

  /** Requests that the bad endpoint got so far. */
  async function asked(): Promise<number> {
    return (await statsOf(bad(), POD_PORT)).requests
  }

  function serviceOf(name: string): ServedService {
    return {
      ...{
        namespace: 'apps',
        name,
        clusterIp: `10.96.4.${Object.keys(SERVICES).indexOf(name) + 1}`,
        port: 80,
      },
      ...{ targetPort: POD_PORT, appProtocol: 'http', annotations: SERVICES[name] ?? {} },
      endpoints: servers.endpoints(...(name === 'timed' ? [BAD] : PODS)),
    }
  }
})

/** For how long an endpoint is left out at first. */
const SOON_AGAIN = { baseEjectionMs: 3_000 }
const REQUEST_TIMEOUT_MS = 500
/** Shorter than a path takes to be given up. */
const AWAY_MS = 4_000

/** A known share meets the bad endpoint. */
const IN_TURNS = { 'edgeway.io/balancing': 'round-robin' }

const SERVICES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  plain: BY_REQUEST,
  retried: { ...IN_TURNS, 'edgeway.io/retries': '2' },
  tried: { ...IN_TURNS, 'edgeway.io/retries': '2', 'edgeway.io/per-try-timeout': '400ms' },
  timed: { 'edgeway.io/request-timeout': `${REQUEST_TIMEOUT_MS}ms` },
  erring: { 'edgeway.io/max-error-percent': '50' },
}
