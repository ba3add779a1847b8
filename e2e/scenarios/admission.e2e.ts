import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LogEntry, Mesh } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, callUntil } from '../support/call.ts'
import { report } from '../support/report.ts'
import { clientOf, startTwoSites, VISITOR } from '../support/two-sites.ts'

const SERVER = '45.80.0.10:20006'

describe('who does not belong stays out', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('a node with a wrong join token is refused, both logs say so, and the right token lets it in', async () => {
    const agent = mesh.agent('edge-1')
    await agent.stop()
    await agent.removeData()
    const wrongToken = (await mesh.joinToken()).trim().replace(/.{8}$/, 'AAAAAAAA')
    const [agentMark, serverMark] = [await agent.log.mark(), await mesh.server.log.mark()]

    await agent.start({ joinToken: wrongToken })
    const refused = ({ reason }: LogEntry): boolean => reason === 'wrong-token'
    const inAgentLog = await agent.log.waitFor(refused, { mark: agentMark })
    const inServerLog = await mesh.server.log.waitFor(refused, { mark: serverMark })
    expect([inAgentLog.level, inServerLog.level]).toEqual(['error', 'warn'])
    expect(await agent.admin('/readyz')).toContain('[-]tunnel')

    await agent.setJoinToken(await mesh.joinToken())
    const far = clientOf(mesh, 'edge-2')
    report('calls after the right token', await callUntil(far, 'http://alpha.apps/', answeredBy('alpha')))
  })

  it('a stranger with its own key gets no reservation, no circuit and no flow', async () => {
    const serverId = await peerIdOf(mesh, 'server')
    const relay = `/ip4/45.80.0.10/tcp/20006/p2p/${serverId}`
    const circuit = `${relay}/p2p-circuit/p2p/${await peerIdOf(mesh, 'edge-2')}`
    const direct = `/ip4/45.80.0.10/tcp/20008/p2p/${await peerIdOf(mesh, 'cloud')}`

    const before = await refusals()
    expect(await runOnVisitor('stranger', [relay, circuit, direct])).toEqual({
      reservation: false,
      circuit: false,
      direct: false,
    })
    // Each attempt got as far as to the one who has to refuse it.
    const after = await refusals()
    expect(after.reservation).toBeGreaterThan(before.reservation)
    expect(after.circuit).toBeGreaterThan(before.circuit)
    expect(after.direct).toBeGreaterThan(before.direct)
  })

  /** What was refused so far, by the relay and by the cloud node's agent. */
  async function refusals(): Promise<Record<'reservation' | 'circuit' | 'direct', number>> {
    const byRelay = 'edgeway_tunnel_server_refusals_total'
    return {
      reservation: await mesh.server.metric(byRelay, { reason: 'reservation' }),
      circuit: await mesh.server.metric(byRelay, { reason: 'circuit' }),
      direct: await mesh.agent('cloud').metric('edgeway_tunnel_refused_peers_total'),
    }
  }

  it('a member that asks for a target which is no endpoint is refused, and counted', async () => {
    const folder = join(mesh.lab.logFolder, 'rogue')
    await mkdir(folder)
    const joinTokenFile = join(folder, 'join-token')
    await writeFile(joinTokenFile, await mesh.joinToken())
    const targets = ['edge-2=10.244.1.11:8080', 'edge-2=10.244.1.11:8081', 'edge-2=127.0.0.1:20009']
    const answers = await runOnVisitor('rogue-member', [SERVER, joinTokenFile, folder, ...targets])

    expect(answers).toEqual({
      'edge-2=10.244.1.11:8080': 'connected',
      'edge-2=10.244.1.11:8081': expect.stringContaining('no Service lists'),
      'edge-2=127.0.0.1:20009': expect.stringContaining('no Service lists'),
    })
    const refused = { reason: 'unknown-target' }
    expect(await mesh.agent('edge-2').metric('edgeway_traffic_inbound_refusals_total', refused)).toBe(2)
  })

  /** Runs a program of e2e/support on a public host that is no node; returns the JSON it wrote last. */
  async function runOnVisitor(program: string, args: readonly string[]): Promise<unknown> {
    const file = fileURLToPath(new URL(`../support/${program}.ts`, import.meta.url))
    const visitor = mesh.lab.node(VISITOR)
    const { stdout, stderr } = await visitor.exec([process.execPath, file, ...args], { timeoutMs: 60_000 })
    const last = stdout.trim().split('\n').at(-1) ?? ''
    expect(last, stderr).toMatch(/^\{/)
    return JSON.parse(last)
  }
})

/** As its own log tells at the start. */
async function peerIdOf(mesh: Mesh, who: 'server' | 'edge-2' | 'cloud'): Promise<string> {
  const { log } = who === 'server' ? mesh.server : mesh.agent(who)
  const { peer } = await log.waitFor(
    ({ message }) => message === 'tunnel listens' || message === 'tunnel server listens',
  )
  return String(peer)
}
