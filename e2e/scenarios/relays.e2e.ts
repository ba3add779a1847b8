import type { Mesh, MeshProcess } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { answeredBy, callUntil } from '../support/call.ts'
import { Caller } from '../support/caller.ts'
import { LightAgents } from '../support/light-mesh.ts'
import { report } from '../support/report.ts'
import { BETA, clientOf, startTwoSites, VISITOR } from '../support/two-sites.ts'

const HOSTS = [
  { name: 'relay-1', address: '45.80.0.71' },
  { name: 'relay-2', address: '45.80.0.72' },
]
/** As in the manifests. */
const WEB_SOCKET_PORT = 20_443
const BETA_URL = 'http://beta.apps/'
/** New calls are promised to go on within 2 s; a loaded machine gets more. */
const MOST_SILENT_MS = 10_000

/** Calls come from a pod at site-a and go to one at site-b, through one of two relays. */
describe('calls between two sites with two tunnel servers', () => {
  let mesh: Mesh

  beforeAll(async () => {
    const [first, second] = HOSTS.map(({ address }) => address)
    mesh = await startTwoSites({
      hosts: HOSTS,
      servers: HOSTS.map(({ name }) => name),
      serverAddresses: [`${first}:20006`, `${second}:20006`, `ws://${first}:${WEB_SOCKET_PORT}`],
    })
    await whenAllJoined(2)
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('go on when their relay is killed, and its successor serves again once it is back', async () => {
    const client = clientOf(mesh, 'edge-1')
    const dead = await relayInUse()
    expect(await gapWhile(() => dead.kill(), 'a killed relay')).toBeLessThan(MOST_SILENT_MS)

    await dead.start()
    await dead.whenReady()
    const started = performance.now()
    await whenAllJoined(2)
    report('a restarted relay is joined by all', Math.round(performance.now() - started))
    const [other] = mesh.servers.filter((server) => server !== dead)
    expect(await gapWhile(async () => other?.kill(), 'the other one killed')).toBeLessThan(MOST_SILENT_MS)
    await other?.start()
    await whenAllJoined(2)
    await callUntil(client, BETA_URL, answeredBy('beta'))
  })

  it('go on when their relay falls silent', async () => {
    const { host } = await relayInUse()
    const cut = (): Promise<void> => mesh.lab.setLink(host, 'down')
    expect(await gapWhile(cut, 'a silent relay')).toBeLessThan(MOST_SILENT_MS)

    await mesh.lab.setLink(host, 'up')
    await whenAllJoined(2)
  })

  it('come back when both relays were dead, and the servers still know who has left meanwhile', async () => {
    const host = mesh.lab.node(VISITOR)
    const servers = HOSTS.map(({ address }) => `${address}:20006`)
    const sleeper = await LightAgents.start(mesh, { host, servers, nodes: ['sleeper'], folder: 'sleeper' })
    await sleeper.whenJoined()
    await expect.poll(async () => (await sleeper.agents())[0]?.sessions, { timeout: 60_000 }).toBe(2)
    await sleeper.stop()
    await Promise.all(mesh.servers.map((server) => server.stop()))
    await Promise.all(mesh.servers.map((server) => server.start()))
    const started = performance.now()
    await callUntil(clientOf(mesh, 'edge-1'), BETA_URL, answeredBy('beta'))
    report('calls after both relays came back', Math.round(performance.now() - started))

    await using newcomer = await LightAgents.start(mesh, {
      host,
      servers,
      nodes: ['newcomer'],
      folder: 'new',
    })
    // The mesh's own three, and the one that sleeps.
    await expect.poll(async () => (await newcomer.agents())[0]?.peers, { timeout: 60_000 }).toBe(4)
  })

  it('reach a node that the caller has never heard of, by a peer that knows both, while both servers are dead', async () => {
    const host = mesh.lab.node(VISITOR)
    const servers = HOSTS.map(({ address }) => `${address}:20006`)
    const start = (node: string): Promise<LightAgents> =>
      LightAgents.start(mesh, { host, servers, nodes: [node], folder: node })
    const peersOf = async (agent: LightAgents): Promise<number> => (await agent.agents())[0]?.peers ?? 0
    await using common = await start('common')
    await common.whenJoined()
    const before = await start('seeker')
    await before.whenJoined()
    const known = await peersOf(common)
    await expect.poll(() => peersOf(before), { timeout: 60_000 }).toBeGreaterThan(0)
    await before.stop()
    await using sought = await start('sought')
    await sought.whenJoined()
    await expect.poll(() => peersOf(common), { timeout: 60_000 }).toBe(known + 1)

    await Promise.all(mesh.servers.map((server) => server.stop()))
    const started = performance.now()
    await using seeker = await start('seeker')
    await expect
      .poll(() => seeker.call('seeker', 'sought/10.1.0.1:80'), { timeout: 60_000 })
      .toMatchObject({ kind: 'answer', by: 'sought' })
    report('found by a common peer, from the start of the caller', Math.round(performance.now() - started))
    await Promise.all(mesh.servers.map((server) => server.start()))
    await whenAllJoined(2)
  })

  it('work from an agent that starts while one of the servers is dead', async () => {
    const [dead] = mesh.servers
    await dead.kill()
    const agent = mesh.agent('edge-1')
    await agent.stop()
    await agent.start()
    const started = performance.now()
    await agent.whenReady()
    report('ready after a start with a dead server', Math.round(performance.now() - started))
    await callUntil(clientOf(mesh, 'edge-1'), BETA_URL, answeredBy('beta'))

    await dead.start()
    await whenAllJoined(2)
  })

  it('go by WebSocket where a router lets out nothing else', async () => {
    const router = mesh.lab.router('site-a')
    const { code, stderr } = await router.exec(['nft', '-f', '-'], { input: ONLY_WEB_SOCKETS })
    expect(code, stderr).toBe(0)
    const started = performance.now()
    const client = clientOf(mesh, 'edge-1')
    await expect.poll(async () => sessionsOf(mesh.agent('edge-1')), { timeout: 60_000 }).toBe(1)
    await callUntil(client, BETA_URL, answeredBy('beta'))
    report('calls by WebSocket', Math.round(performance.now() - started))
    const { stdout } = await mesh.agent('edge-1').host.exec(['ss', '-Htn', 'state', 'established'])
    expect(stdout).toContain(`45.80.0.71:${WEB_SOCKET_PORT}`)
  })

  /** The longest time without an answered call around something that happens, until calls are answered again. */
  async function gapWhile(event: () => Promise<unknown>, what: string): Promise<number> {
    const client = clientOf(mesh, 'edge-1')
    await using caller = await Caller.start(client, { ip: BETA.clusterIp, port: BETA.port })
    await event()
    await callUntil(client, BETA_URL, answeredBy('beta'))
    const { longestGapMs } = await caller.stop()
    report(`longest time without an answer, ${what}`, longestGapMs)
    return longestGapMs
  }

  /** The server that carries the calls to beta now. */
  async function relayInUse(): Promise<MeshProcess> {
    const client = clientOf(mesh, 'edge-1')
    const bytes = () =>
      Promise.all(mesh.servers.map((server) => server.metric('edgeway_tunnel_server_relayed_bytes_total')))
    const before = await bytes()
    for (let calls = 0; calls < 3; calls++) await callUntil(client, BETA_URL, answeredBy('beta'))
    const grown = (await bytes()).map((count, index) => count - (before[index] ?? 0))
    const most = mesh.servers[grown.indexOf(Math.max(...grown))]
    if (most === undefined) throw new Error('no relay carries calls')
    return most
  }

  /** Waits until each agent is joined to that many servers. */
  async function whenAllJoined(servers: number): Promise<void> {
    const sessions = () => Promise.all(mesh.agents.map(sessionsOf))
    const wanted = mesh.agents.map(() => servers)
    await vi.waitFor(async () => expect(await sessions()).toEqual(wanted), { timeout: 60_000, interval: 100 })
  }
})

async function sessionsOf(agent: MeshProcess): Promise<number> {
  return await agent.metric('edgeway_tunnel_sessions')
}

/** DNS and MetaServer's link are let through, too: neither leads to another node. */
const ONLY_WEB_SOCKETS = `
table ip firewall {
  chain forward {
    type filter hook forward priority -10; policy accept;
    tcp dport { 20006, 20008 } drop
    tcp sport { 20006, 20008 } drop
  }
}
`
