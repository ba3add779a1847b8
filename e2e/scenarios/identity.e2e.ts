import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabHost, LogEntry, Mesh, MeshProcess, ProcessLog } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil } from '../support/call.ts'
import { issued, payloadOf, tampered } from '../support/documents.ts'
import { HeldConnection } from '../support/held-connection.ts'
import { LightAgents } from '../support/light-mesh.ts'
import { runClient } from '../support/program.ts'
import { enrolment, FORMER_JOIN, RawMember, registry } from '../support/raw-members.ts'
import { report } from '../support/report.ts'
import { type SecondCluster, startSecondCluster } from '../support/second-cluster.ts'
import { BETA, clientOf, startTwoSites, VISITOR } from '../support/two-sites.ts'

const STRANGER = new URL('../support/stranger.ts', import.meta.url)
const ANY = '10.244.9.9:80'
interface PeerRecordWire {
  readonly certificate: string
  readonly record: string
}

describe('who does not belong stays out', () => {
  let mesh: Mesh
  let visitor: LabHost
  let other: SecondCluster
  let guests: LightAgents

  beforeAll(async () => {
    mesh = await startTwoSites()
    visitor = mesh.lab.node(VISITOR)
    other = await startSecondCluster(mesh, visitor)
    const [forNine, once] = [await token('--node', 'edge-9', '--multi-use'), await token()]
    const joinTokens = { 'edge-9': forNine, 'edge-8': forNine, one: once, two: once, stray: other.joinToken }
    const nodes = [...Object.keys(joinTokens), 'rogue']
    guests = await LightAgents.start(mesh, { host: visitor, nodes, joinTokens })
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  /** A new join token, as the operator makes it. */
  async function token(...options: readonly string[]): Promise<string> {
    return (await mesh.server.command(['token', 'create', ...options])).trim()
  }

  it('a node with the token of another cluster: both logs say so, and the token is never shown', async () => {
    await guests.log.waitFor(saysOf('stray', 'wrong-cluster'))
    const inServerLog = (line: LogEntry): boolean =>
      wordsOf(line).includes('a node does not trust this server')
    expect((await mesh.server.log.waitFor(inServerLog)).level).toBe('warn')
  })

  it('a node with the token of another node, which says so; that other node is let in by it', async () => {
    await guests.whenJoined({ nodes: ['edge-9', 'rogue'] })
    await guests.log.waitFor((line) => line['node'] === 'edge-8' && wordsOf(line).includes('for node edge-9'))
    expect(await guests.joined()).not.toContain('edge-8')
  })

  it('the second one of two nodes with a token for a single use', async () => {
    await saidOnBothSides(['one', 'two'], 'token-spent')
    await expect
      .poll(async () => (await guests.joined()).filter((node) => ['one', 'two'].includes(node)))
      .toHaveLength(1)
  })

  it('a stranger with its own key gets no reservation, no circuit and no flow', async () => {
    const relay = `/ip4/${mesh.server.host.address}/tcp/20006/p2p/${await peerIdOf(mesh.server)}`
    const circuit = `${relay}/p2p-circuit/p2p/${await peerIdOf(mesh.agent('edge-2'))}`
    const direct = `/ip4/45.80.0.10/tcp/20008/p2p/${await peerIdOf(mesh.agent('cloud'))}`

    expect(await runClient(visitor, { file: STRANGER, args: [relay, circuit, direct] })).toEqual({
      reservation: false,
      circuit: false,
      direct: false,
    })
  })

  it('a member that asks for a target which is no endpoint is refused, and counted', async () => {
    const [endpoint, ...others] = ['10.244.1.11:8080', '10.244.1.11:8081', '127.0.0.1:20009'].map(
      (address) => `edge-2/${address}`,
    )
    await callLight(guests, 'rogue', `${endpoint}`, 'beta')
    for (const target of others)
      expect(await guests.call('rogue', target)).toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('no Service lists'),
      })
    const refused = { reason: 'unknown-target' }
    expect(await mesh.agent('edge-2').metric('edgeway_traffic_inbound_refusals_total', refused)).toBe(2)
  })

  it('whoever brings an expired, changed or borrowed certificate, the token of another, or records that are forged', async () => {
    const raw = await RawMember.create(mesh, visitor)
    const request = { type: 'enrol', node: 'raw', labels: {} }
    const [enrolled, replayed, former] = await raw.say(
      enrolment({ ...request, token: await token() }),
      enrolment({ ...request, token: await token('--node', 'edge-9') }),
      FORMER_JOIN,
    )
    const refused = (reason: string) => expect.objectContaining({ type: 'refused', reason })
    expect(enrolled).toMatchObject({ type: 'enrolled' })
    expect(replayed).toEqual(refused('token-for-another-node'))
    expect(former).toEqual(refused('unsupported-version'))

    const certificate = String(enrolled?.['certificate'])
    const lookup = { type: 'lookup', id: 1, node: 'edge-1' }
    const [found] = await raw.say(registry(certificate, lookup))
    const genuine = found?.['record'] as PeerRecordWire
    const expired = await issued(mesh, certificate, { hoursAgo: 30, validHours: 24 })
    const renamed = tampered(certificate, { node: 'edge-1' })
    const seq = Number(payloadOf(genuine.record)['seq']) + 1
    const forged = tampered(genuine.record, { seq, direct: ['/ip4/45.80.0.66/tcp/20008'] })
    const before = await refusedHere()
    expect(
      await raw.say(
        registry(expired),
        enrolment({ type: 'renew', certificate: expired }),
        registry(renamed),
        registry(genuine.certificate),
        registry(certificate, { type: 'records', records: [{ ...genuine, record: forged }] }, lookup),
      ),
    ).toEqual([
      refused('expired'),
      refused('expired'),
      refused('bad-signature'),
      refused('wrong-key'),
      expect.objectContaining({ type: 'found', record: genuine }),
    ])
    // The answer may come before it is counted.
    const counted = [2, 1, 1, 1].map((more, index) => Number(before[index]) + more)
    await expect.poll(refusedHere).toEqual(counted)
  })

  /** Certificates that were expired, changed and borrowed, and records. Others are refused meanwhile for reasons of their own. */
  async function refusedHere(): Promise<readonly number[]> {
    const records = mesh.server.metric('edgeway_tunnel_server_refused_records_total', {})
    return await Promise.all([...['expired', 'bad-signature', 'wrong-key'].map(refusals), records])
  }

  async function refusals(reason: string): Promise<number> {
    return await mesh.server.metric('edgeway_tunnel_server_refusals_total', { reason })
  }

  it('a node with the key of another one, be it by its own name or by that of the other', async () => {
    const folder = join(mesh.lab.logFolder, 'light', 'clones')
    await cp(join(guests.folder, 'rogue'), join(folder, 'rogue'), { recursive: true })
    await cp(join(guests.folder, 'rogue'), join(folder, 'renamed'), { recursive: true })
    const mark = await mesh.server.log.mark()
    const host = mesh.lab.node('edge-2')
    await using clones = await LightAgents.start(mesh, {
      host,
      nodes: ['rogue', 'renamed'],
      folder: 'clones',
    })

    await clones.log.waitFor((line) => line['node'] === 'renamed' && wordsOf(line).includes('key-in-use'))
    await mesh.server.log.waitFor(({ reason }) => reason === 'key-in-use', { mark })
    await Promise.any([clones, guests].map(({ log }) => log.waitFor(saysOf('rogue', 'key-in-use'))))
    expect(await clones.joined()).not.toContain('renamed')
  })

  it('a revoked node: open connections go, both logs say so, and only a new token lets it in again', async () => {
    const [client, agent] = [clientOf(mesh, 'edge-1'), mesh.agent('edge-2')]
    await callUntil(client, 'http://beta.apps/', answeredBy('beta'))
    await using held = await HeldConnection.open(client, { ip: BETA.clusterIp, port: BETA.port })
    const [agentMark, serverMark] = [await agent.log.mark(), await mesh.server.log.mark()]
    const started = performance.now()
    await mesh.server.command(['revoke', '--node', 'edge-2'])

    await held.ended()
    report('the open connection of a revoked node is gone', Math.round(performance.now() - started))
    const isRevoked = ({ reason }: LogEntry): boolean => reason === 'revoked'
    await agent.log.waitFor(isRevoked, { mark: agentMark })
    await mesh.server.log.waitFor(isRevoked, { mark: serverMark })
    expect(await call(client, 'http://beta.apps/', 3)).not.toMatchObject({ kind: 'answer' })

    // It tries again, with the token that the other nodes have.
    const before = await refusals('revoked')
    await expect.poll(() => refusals('revoked'), { timeout: 60_000 }).toBeGreaterThan(before)
    await agent.setJoinToken(await token('--node', 'edge-2'))
    report('calls after the new token', await callUntil(client, 'http://beta.apps/', answeredBy('beta')))
  })

  it('and who belongs stays in while the cluster gets a new key, also who was away meanwhile', async () => {
    const client = clientOf(mesh, 'edge-2')
    await mesh.agent('edge-1').stop()
    await mesh.server.command(['cluster-key', 'rotate'])
    const host = mesh.lab.node('edge-2')
    const joinTokens = { newcomer: await token('--node', 'newcomer') }
    await using later = await LightAgents.start(mesh, {
      host,
      nodes: ['newcomer'],
      joinTokens,
      folder: 'later',
    })
    await later.whenJoined()
    await mesh.agent('edge-1').start()
    await mesh.agent('edge-1').whenReady()

    await callUntil(client, 'http://alpha.apps/', answeredBy('alpha'))
    await callUntil(clientOf(mesh, 'edge-1'), 'http://beta.apps/', answeredBy('beta'))
    await callLight(later, 'newcomer', 'edge-1/10.244.1.11:8080', 'alpha')
    await callLight(guests, 'rogue', `newcomer/${ANY}`, 'newcomer')
  })

  it('and another cluster with nodes of the same names on the same network is never met', async () => {
    const ours = `${mesh.server.host.address}:20006`
    const theirs = { servers: [ours, other.server], folder: 'others' }
    const startOther = (node: 'edge-1' | 'edge-2') =>
      LightAgents.start(mesh, {
        ...theirs,
        host: mesh.lab.node(node),
        nodes: [node],
        joinTokens: { [node]: other.joinToken },
      })
    await using one = await startOther('edge-1')
    await using two = await startOther('edge-2')
    await Promise.all([one, two].map((agents) => agents.whenJoined()))
    await callLight(two, 'edge-2', 'edge-1/10.244.1.11:8080', 'edge-1')
    await callLight(one, 'edge-1', 'edge-2/10.244.1.11:8080', 'edge-2')

    const targets = { from: 'edge-2', targets: Array(50).fill('edge-1/10.244.1.11:8080') as string[] }
    const [outcomes, ...calls] = await Promise.all([
      two.calls(targets),
      ...Array.from({ length: 20 }, () => call(clientOf(mesh, 'edge-2'), 'http://alpha.apps/')),
    ])
    expect(Object.values(outcomes)).toEqual([expect.objectContaining({ by: 'edge-1' })])
    expect(calls).toEqual(Array(20).fill({ kind: 'answer', pod: 'alpha', node: 'edge-1' }))
    expect(await two.agents()).toMatchObject([{ peers: 1, sessions: 1 }])
  })

  it('and a certificate is renewed in time where every fifth packet is lost', async () => {
    const options = { host: visitor, nodes: ['lossy'], folder: 'lossy' }
    const before = await LightAgents.start(mesh, options)
    await before.whenJoined()
    await before.stop()
    const old = await issued(mesh, (await before.identity('lossy')).certificate, {
      hoursAgo: 20,
      validHours: 24,
    })
    await before.setCertificate('lossy', old)
    await mesh.lab.setLoss(visitor, { sentPercent: 20, receivedPercent: 20 })
    const started = performance.now()
    await using lossy = await LightAgents.start(mesh, options)

    const renewed = async () => payloadOf((await lossy.identity('lossy')).certificate)['issuedAt']
    await expect.poll(renewed, { timeout: 60_000 }).toBeGreaterThan(Number(payloadOf(old)['issuedAt']))
    report('a certificate is renewed at 20 % loss', Math.round(performance.now() - started))
    await mesh.lab.setLoss(visitor, {})
  })

  /** Waits until both logs give the reason for which one of those guests was refused. */
  async function saidOnBothSides(nodes: string | readonly string[], reason: string): Promise<void> {
    const inLog = (log: ProcessLog): Promise<LogEntry> => log.waitFor(saysOf(nodes, reason))
    await inLog(guests.log)
    await mesh.server.log.waitFor((entry) => entry['reason'] === reason)
  }
})

/** All that a line has, its error too. */
function wordsOf(line: LogEntry): string {
  return JSON.stringify(line)
}

function saysOf(nodes: string | readonly string[], reason: string): (entry: LogEntry) => boolean {
  return (entry) => entry['reason'] === reason && [nodes].flat().includes(String(entry['node']))
}

/** Calls until the one that should answer does. */
async function callLight(
  agents: LightAgents,
  ...[from, target, by]: readonly [from: string, target: string, by: string]
): Promise<void> {
  await expect
    .poll(() => agents.call(from, target), { timeout: 60_000, interval: 200 })
    .toMatchObject({ kind: 'answer', by })
}

/** As its own log tells at the start. */
async function peerIdOf({ log }: MeshProcess): Promise<string> {
  const { peer } = await log.waitFor(
    ({ message }) => message === 'tunnel listens' || message === 'tunnel server listens',
  )
  return String(peer)
}
