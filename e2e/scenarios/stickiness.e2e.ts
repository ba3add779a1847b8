import {
  destinationRuleDefinition,
  destinationRuleObject,
  type LabHost,
  type LabProcess,
  type Mesh,
} from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { whenConnected } from '../support/connected.ts'
import { HTTP_PROGRAMS } from '../support/http/programs.ts'
import { startRequests } from '../support/http/requests.ts'
import { cookiesOf, placesOf, runUsers, type UsersReport } from '../support/http/users.ts'
import { start, startServer } from '../support/program.ts'
import { report } from '../support/report.ts'
import { Servers } from '../support/servers.ts'
import { applyServices, type ServedService } from '../support/services.ts'
import { clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

const PODS = ['web-1', 'web-2', 'web-3', 'web-4'] as const
const LOST = 'web-2'
const HEADER = 'x-user'
const TWELVE = names('user', 12)
const FORTY = names('visitor', 40)
const STUCK_CLIENTS = 20
/** A DestinationRule's word for five minutes. */
const FIVE_MINUTES = '300s'
const SOON = { timeout: 30_000 }

const ORIGINS = [
  { from: 'edge-2', path: 'local' },
  { from: 'edge-1', path: 'relayed' },
] as const

/** Four pods on edge-2 serve everything; edge-1 reaches them by the relay. */
describe('users of a Service', () => {
  let mesh: Mesh
  let servers: Servers

  beforeAll(async () => {
    mesh = await startTwoSites()
    servers = await Servers.start(mesh, { 'edge-2': PODS }, (pod) =>
      startServer(pod, { file: HTTP_PROGRAMS.origin, args: [POD_PORT] }),
    )
    await applyServices(
      mesh,
      [...SERVICES.keys()].map((name) => serviceOf(name)),
    )
    for (const { from } of ORIGINS)
      await whenConnected(
        clientOf(mesh, from),
        [...SERVICES.keys()].map((name) => serviceOf(name)),
      )
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  describe.each(ORIGINS)('on $from ($path)', ({ from }) => {
    it('stay each with an endpoint by a header, also on one connection, whoever else is stuck', async () => {
      await using stuck = await stuckClients(clientOf(mesh, from))
      const order = { host: 'headed.apps', header: HEADER, users: TWELVE, rounds: 10 }
      const users = await runUsers(clientOf(mesh, from), order)

      expect(users.connections).toBe(1)
      expect(Object.keys(placesOf(users))).toEqual(TWELVE)
      expect(new Set(Object.values(placesOf(users))).size).toBeGreaterThan(1)
      // A node with the same endpoints leads to the same one.
      const elsewhere = from === 'edge-1' ? 'edge-2' : 'edge-1'
      expect(placesOf(await runUsers(clientOf(mesh, elsewhere), order))).toEqual(placesOf(users))
      expect(stuck.running).toBe(true)
    })

    it('are given a cookie once, as wished, and stay by it, also when the agent is started anew', async () => {
      const agent = mesh.agent(from)
      const first = await comeTo('cookied', FORTY, from)
      for (const { setCookies } of Object.values(first.users)) {
        expect(setCookies).toHaveLength(1)
        const [pair, ...attributes] = (setCookies[0] ?? '').split(';').map((part) => part.trim())
        expect(pair).toMatch(/^edge=[!-:<-~]+$/)
        expect(attributes).toEqual(expect.arrayContaining(['Path=/', 'Max-Age=3600', 'SameSite=Lax']))
      }
      expect(new Set(Object.values(cookiesOf(first))).size).toBe(FORTY.length)
      expect(new Set(Object.values(placesOf(first))).size).toBe(PODS.length)

      await agent.kill()
      await agent.start()
      await agent.whenReady()
      expect(placesOf(await comeBack('cookied', first, from))).toEqual(placesOf(first))
      await agent.stop()
      await agent.start()
      await agent.whenReady()
      const again = await comeBack('cookied', first, from)
      expect(placesOf(again)).toEqual(placesOf(first))
      expect(Object.values(again.users).flatMap(({ setCookies }) => setCookies)).toEqual([])
    })
  })

  it.each(ORIGINS)(
    'move only when their own endpoint has gone, and back when it is there again ($from)',
    async ({ from }) => {
      const first = await comeTo('cookied', FORTY, from)
      const before = placesOf(first)
      expect(new Set(Object.values(before)).size).toBe(PODS.length)
      await applyServices(mesh, [
        serviceOf(
          'cookied',
          PODS.filter((name) => name !== LOST),
        ),
      ])
      await expect.poll(() => places(first, from), SOON).not.toContain(LOST)

      const after = placesOf(await comeBack('cookied', first, from))
      report('users of the lost endpoint', usersOf(before, LOST).length, `of ${FORTY.length}`)
      expect(movedBetween(before, after)).toEqual(usersOf(before, LOST))
      await applyServices(mesh, [serviceOf('cookied')])
      await expect.poll(() => places(first, from), SOON).toContain(LOST)
      expect(placesOf(await comeBack('cookied', first, from))).toEqual(before)
    },
  )

  it.each(ORIGINS)(
    'are served elsewhere while their endpoint is dead, the others stay ($from)',
    async ({ from }) => {
      const first = await comeTo('cookied', FORTY, from)
      const before = placesOf(first)
      expect(new Set(Object.values(before)).size).toBe(PODS.length)
      await using requests = startRequests(clientOf(mesh, from), { service: 'cookied.apps', atOnce: 2 })
      await requests.whenMore(100)
      const deadAt = await servers.kill(LOST)
      const after = placesOf(await comeBack('cookied', first, from))
      await requests.whenMore(100)
      const { failures } = await requests.stop()

      expect(movedBetween(before, after)).toEqual(usersOf(before, LOST))
      expect(failures.filter(({ startedAt }) => startedAt > deadAt)).toEqual([])
      await servers.reviveAll()
      await expect
        .poll(async () => placesOf(await comeBack('cookied', first, from)), { timeout: 60_000 })
        .toEqual(before)
    },
  )

  it('are told apart as a DestinationRule says, for as long as it is there', async () => {
    await mesh.kubectl.apply(destinationRuleDefinition())
    await mesh.kubectl.run([
      'wait',
      '--for=condition=Established',
      'crd/destinationrules.networking.istio.io',
    ])
    const rule = (name: string, consistentHash: object) =>
      destinationRuleObject({
        ...{ namespace: 'apps', name, trafficPolicy: { loadBalancer: { consistentHash } } },
      })
    const cookie = { name: 'istio', path: '/shop', ttl: FIVE_MINUTES }
    const byHeader = rule('ruled-header', { httpHeaderName: 'X-Session' })
    await mesh.kubectl.apply(byHeader, rule('ruled-cookie', { httpCookie: cookie }))
    const client = clientOf(mesh, 'edge-1')
    const order = { host: 'ruled-header.apps', header: 'x-session', users: TWELVE, rounds: 5 }

    await expect.poll(async () => isSticky(await runUsers(client, order)), SOON).toBe(true)
    await expect.poll(async () => isSticky(await comeTo('ruled-cookie', TWELVE, 'edge-1')), SOON).toBe(true)
    const visit = await comeTo('ruled-cookie', TWELVE, 'edge-1')
    for (const { setCookies } of Object.values(visit.users)) {
      expect(setCookies).toHaveLength(1)
      const [pair, ...attributes] = (setCookies[0] ?? '').split(';').map((part) => part.trim())
      expect(pair).toMatch(/^istio=/)
      expect(attributes).toEqual(expect.arrayContaining(['Path=/shop', 'Max-Age=300']))
    }
    await mesh.kubectl.delete(byHeader)
    await expect.poll(async () => isSticky(await runUsers(client, order)), SOON).toBe(false)
  })

  /** Users without a cookie, each several times. */
  function comeTo(
    service: string,
    users: readonly string[],
    from: 'edge-1' | 'edge-2',
  ): Promise<UsersReport> {
    return runUsers(clientOf(mesh, from), { host: `${service}.apps`, users, rounds: 3 })
  }

  /** The same users with the cookies that they have. */
  function comeBack(service: string, before: UsersReport, from: 'edge-1' | 'edge-2'): Promise<UsersReport> {
    return runUsers(clientOf(mesh, from), { host: `${service}.apps`, cookies: cookiesOf(before), rounds: 1 })
  }

  async function places(before: UsersReport, from: 'edge-1' | 'edge-2'): Promise<string[]> {
    return Object.values(placesOf(await comeBack('cookied', before, from)))
  }

  /** Clients that have each sent half a head, and no more. */
  async function stuckClients(client: LabHost): Promise<LabProcess> {
    const half = Buffer.from(`GET / HTTP/1.1\r\nhost: headed.apps\r\n${HEADER}: `).toString('base64')
    const args = ['headed.apps', 80, 60_000, ...Array.from({ length: STUCK_CLIENTS }, () => half)]
    const stuck = start(client, { file: HTTP_PROGRAMS.rawClient, args })
    await stuck.waitForOutput(/connected/)
    return stuck
  }

  function serviceOf(name: string, pods: readonly string[] = PODS): ServedService {
    return {
      ...{
        namespace: 'apps',
        name,
        clusterIp: `10.96.2.${[...SERVICES.keys()].indexOf(name) + 1}`,
        port: 80,
      },
      ...{ targetPort: POD_PORT, endpoints: servers.endpoints(...pods) },
      ...{ annotations: SERVICES.get(name) ?? {}, appProtocol: 'http' },
    }
  }
})

const SERVICES = new Map<string, Readonly<Record<string, string>>>([
  ['headed', { 'edgeway.io/hash-header': 'X-User' }],
  ['cookied', { 'edgeway.io/hash-cookie': 'edge; Path=/; Max-Age=3600; SameSite=Lax' }],
  ['ruled-header', {}],
  ['ruled-cookie', {}],
])

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
}

function usersOf(places: Readonly<Record<string, string>>, pod: string): string[] {
  return Object.keys(places).filter((user) => places[user] === pod)
}

function movedBetween(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  return Object.keys(before).filter((user) => before[user] !== after[user])
}

/** Each user was served by one pod, and not all by the same. */
function isSticky({ users }: UsersReport): boolean {
  const all = Object.values(users).map(({ pods }) => Object.keys(pods))
  return all.every((pods) => pods.length === 1) && new Set(all.flat()).size > 1
}
