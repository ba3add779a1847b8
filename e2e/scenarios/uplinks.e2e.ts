import { type Mesh, type SecondUplink, startDnsUpstream } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil } from '../support/call.ts'
import { Caller } from '../support/caller.ts'
import { DELTA, DELTA_URL, NEIGHBOUR, startDelta } from '../support/delta.ts'
import { pathOf } from '../support/flows.ts'
import { HeldConnection } from '../support/held-connection.ts'
import { report } from '../support/report.ts'
import { BETA, clientOf, RESOLVER, startTwoSites } from '../support/two-sites.ts'

/** A third site, which edge-1 is connected to by its second uplink. */
const SITE = {
  name: 'site-c',
  nat: 'endpoint-independent',
  subnet: '192.168.3.0/24',
  nodes: [{ ...NEIGHBOUR, address: '192.168.3.30' }],
} as const
const SECOND = '192.168.3.40'
const [ALPHA_URL, BETA_URL] = ['http://alpha.apps/', 'http://beta.apps/']

describe('a node with two uplinks', () => {
  let mesh: Mesh
  let second: SecondUplink

  beforeAll(async () => {
    mesh = await startTwoSites({
      sites: [SITE],
      // Its sites are joined by the node itself, and come from two public addresses.
      config: { 'edge-agent': { tunnel: { usePrivateAddresses: true } } },
      prepare: async (lab) => {
        await startDnsUpstream(lab.node(RESOLVER), {})
        second = await lab.addUplink('edge-1', SITE.name, { address: SECOND })
      },
    })
    await startDelta(mesh)
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('loses the first one with its carrier: calls from it and to it go on by the other', async () => {
    const [near, far] = [clientOf(mesh, 'edge-1'), clientOf(mesh, 'edge-2')]
    await callUntil(near, BETA_URL, answeredBy('beta'))
    await callUntil(far, ALPHA_URL, answeredBy('alpha'))
    await whenByLan()
    await using held = await HeldConnection.open(near, { ip: DELTA.clusterIp, port: DELTA.port })
    await using onLan = await Caller.start(near, { ip: DELTA.clusterIp, port: DELTA.port })
    await using across = await Caller.start(near, { ip: BETA.clusterIp, port: BETA.port })
    const mark = await mesh.agent('edge-1').log.mark()

    const node = mesh.lab.node('edge-1')
    await mesh.lab.setCarrier(node, 'down')
    report('calls to it after its carrier was lost', await callUntil(far, ALPHA_URL, answeredBy('alpha')))
    report('calls from it after its carrier was lost', await callUntil(near, BETA_URL, answeredBy('beta')))
    await expectKept(onLan, across)

    await mesh.lab.setCarrier(node, 'up')
    await callUntil(near, BETA_URL, answeredBy('beta'))
    await callUntil(far, ALPHA_URL, answeredBy('alpha'))
    expect(held.isOpen).toBe(true)
    await expectCalm(mark)
  })

  it('loses the first one in silence: calls by the other go on as if nothing had been', async () => {
    const near = clientOf(mesh, 'edge-1')
    await whenByLan()
    await using held = await HeldConnection.open(near, { ip: DELTA.clusterIp, port: DELTA.port })
    await using onLan = await Caller.start(near, { ip: DELTA.clusterIp, port: DELTA.port })
    const mark = await mesh.agent('edge-1').log.mark()
    await mesh.lab.setLink(mesh.lab.node('edge-1'), 'down')
    // Its default route leads to the dead link still, and nobody has told the kernel of another one.
    expect(await call(near, BETA_URL, 15)).not.toMatchObject({ kind: 'answer' })
    expect(await call(near, DELTA_URL)).toMatchObject({ kind: 'answer', pod: 'delta' })
    expect((await onLan.stop()).failed).toBe(0)

    await mesh.lab.setLink(mesh.lab.node('edge-1'), 'up')
    report('calls across sites after the silence', await callUntil(near, BETA_URL, answeredBy('beta')))
    expect(held.isOpen).toBe(true)
    await expectCalm(mark)
  })

  it('loses the first one in silence: calls across sites go on by the other where the host routes by source', async () => {
    const [near, far] = [clientOf(mesh, 'edge-1'), clientOf(mesh, 'edge-2')]
    const node = mesh.lab.node('edge-1')
    const { gateway, device } = second
    const rules = `ip route add default via ${gateway} dev ${device} table 101; ip rule add from ${SECOND} lookup 101`
    await node.exec(['sh', '-ec', rules])
    await callUntil(far, ALPHA_URL, answeredBy('alpha'))
    await whenByLan()
    await using held = await HeldConnection.open(near, { ip: DELTA.clusterIp, port: DELTA.port })
    await using onLan = await Caller.start(near, { ip: DELTA.clusterIp, port: DELTA.port })
    await using across = await Caller.start(near, { ip: BETA.clusterIp, port: BETA.port })
    const mark = await mesh.agent('edge-1').log.mark()
    const startedAt = Date.now()
    await mesh.lab.setLink(node, 'down')

    const joined = mesh
      .agent('edge-1')
      .log.waitFor(({ message }) => message === 'joined the tunnel server', { mark })
    report('joined by the other uplink', Date.parse((await joined).time) - startedAt)
    await callUntil(near, BETA_URL, answeredBy('beta'))
    report('calls from it', Date.now() - startedAt)
    await callUntil(far, ALPHA_URL, answeredBy('alpha'))
    report('calls to it', Date.now() - startedAt)
    await expectKept(onLan, across)

    await mesh.lab.setLink(node, 'up')
    await callUntil(near, BETA_URL, answeredBy('beta'))
    await callUntil(far, ALPHA_URL, answeredBy('alpha'))
    expect(held.isOpen).toBe(true)
    await expectCalm(mark)
  })

  /** Waits until calls from edge-1 to its neighbour at site-c go by the second uplink. */
  async function whenByLan(): Promise<void> {
    const path = async (): Promise<unknown> => {
      const mark = await mesh.agent('edge-1').log.mark()
      await callUntil(clientOf(mesh, 'edge-1'), DELTA_URL, answeredBy('delta'))
      return await pathOf(mesh.agent('edge-1'), 'apps/delta:main', mark)
    }
    await expect.poll(path, { timeout: 60_000 }).toBe('lan')
  }

  /** Ends both: no call by the other uplink has failed. */
  async function expectKept(onLan: Caller, across: Caller): Promise<void> {
    const [lan, wan] = [await onLan.stop(), await across.stop()]
    report('longest time without an answer, across sites', wan.longestGapMs)
    report('longest time without an answer, by the other uplink', lan.longestGapMs)
    expect(lan.failed).toBe(0)
  }

  /** No storm: what went wrong is said, not repeated. */
  async function expectCalm(mark: number): Promise<void> {
    const lines = (await mesh.agent('edge-1').log.entries()).slice(mark)
    const loud = lines.filter(({ level }) => level === 'warn' || level === 'error')
    report('warnings and errors in its log', loud.length, 'lines')
    expect(loud.length, JSON.stringify(loud.slice(0, 5))).toBeLessThan(40)
  }
})
