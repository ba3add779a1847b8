import type { Mesh } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { answeredBy, callUntil } from '../support/call.ts'
import { Caller } from '../support/caller.ts'
import { DELTA, DELTA_URL, NEIGHBOUR, startDelta } from '../support/delta.ts'
import { pathOf } from '../support/flows.ts'
import { HeldConnection } from '../support/held-connection.ts'
import { type NodePath, pathTo } from '../support/path-status.ts'
import { report } from '../support/report.ts'
import { clientOf, startTwoSites } from '../support/two-sites.ts'

const FLOWS = 'apps/delta:main'
/** New calls are promised to go on within 2 s; a loaded machine gets more. */
const MOST_SILENT_MS = 10_000
/** What is promised within 3 s. */
const SOON_MS = 20_000

/** Calls come from a pod of edge-1 and go to one of edge-3, on its LAN; when that is blocked, through the tunnel server. */
describe('calls between two nodes of one LAN', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites({
      neighbours: [NEIGHBOUR],
      config: { 'edge-agent': { tunnel: { directRetryMs: 1_000 } } },
    })
    await startDelta(mesh)
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('take the LAN soon after it has come up, and flows that were open before go on', async () => {
    await blockLan('reject with tcp reset')
    await using caller = await startCaller()
    const { better } = await whenBy('relayed')
    expect(better).toContainEqual(expect.objectContaining({ path: 'lan', why: expect.any(String) }))
    await using held = await HeldConnection.open(clientOf(mesh, 'edge-1'), { ip: DELTA.clusterIp, port: 80 })
    const started = performance.now()
    await unblockLan()
    const { others } = await whenBy('lan', SOON_MS)
    report('by the LAN after it came up', Math.round(performance.now() - started))

    expect(others).toContainEqual(expect.objectContaining({ path: 'relayed' }))
    const mark = await mesh.agent('edge-1').log.mark()
    await callUntil(clientOf(mesh, 'edge-1'), DELTA_URL, answeredBy('delta'))
    expect(await pathOf(mesh.agent('edge-1'), FLOWS, mark)).toBe('lan')
    expect(held.isOpen).toBe(true)
    report('longest time without an answer', (await caller.stop()).longestGapMs)
  })

  it('go on through the tunnel server when the LAN dies without a word', async () => {
    await whenBy('lan')
    await using caller = await startCaller()
    await blockLan('drop')
    const { better } = await whenBy('relayed', SOON_MS)
    const { longestGapMs } = await caller.stop()
    report('longest time without an answer, a LAN that fell silent', longestGapMs)

    expect(longestGapMs).toBeLessThan(MOST_SILENT_MS)
    const [lan] = better
    expect(lan).toMatchObject({
      path: 'lan',
      message: expect.stringMatching(/overdue|tried|nobody answered/),
    })
    await unblockLan()
    await whenBy('lan', 60_000)
  })

  it('go on when a node gets another address while it is called', async () => {
    await using caller = await startCaller()
    await mesh.lab.changeAddress(NEIGHBOUR.name, '192.168.1.31')
    await callUntil(clientOf(mesh, 'edge-1'), DELTA_URL, answeredBy('delta'))
    const { longestGapMs } = await caller.stop()
    report('longest time without an answer, another address', longestGapMs)

    expect(longestGapMs).toBeLessThan(MOST_SILENT_MS)
    await whenBy('lan', 60_000)
    const usedByLan = () => mesh.agent('edge-1').metric('edgeway_tunnel_used_peers', { path: 'lan' })
    await expect.poll(usedByLan, { timeout: 10_000 }).toBe(1)
  })

  function startCaller(): Promise<Caller> {
    return Caller.start(clientOf(mesh, 'edge-1'), { ip: DELTA.clusterIp, port: DELTA.port })
  }

  async function blockLan(verdict: 'drop' | 'reject with tcp reset'): Promise<void> {
    const pair = (from: 'saddr' | 'daddr', port: 'sport' | 'dport') =>
      `ip ${from} 192.168.1.10 tcp ${port} 20008 ${verdict}`
    const chain = (hook: 'input' | 'output', side: 'saddr' | 'daddr') =>
      `chain ${hook} { type filter hook ${hook} priority -200; ${pair(side, 'sport')}; ${pair(side, 'dport')}; };`
    const input = `table ip lan_cut { ${chain('input', 'saddr')} ${chain('output', 'daddr')} };`
    const { code, stderr } = await mesh.agent(NEIGHBOUR.name).host.exec(['nft', '-f', '-'], { input })
    expect(code, stderr).toBe(0)
  }

  async function unblockLan(): Promise<void> {
    await mesh.agent(NEIGHBOUR.name).host.exec(['nft', 'delete', 'table', 'ip', 'lan_cut'])
  }

  /** Waits until new flows take that path, calling all the time. */
  async function whenBy(path: string, timeout = 60_000): Promise<NodePath> {
    return await vi.waitFor(
      async () => {
        await callUntil(clientOf(mesh, 'edge-1'), DELTA_URL, answeredBy('delta'))
        const found = await pathTo(mesh.agent('edge-1'), NEIGHBOUR.name)
        if (found?.path !== path) throw new Error(`by ${JSON.stringify(found)}, not yet ${path}`)
        return found
      },
      { timeout, interval: 100 },
    )
  }
})
