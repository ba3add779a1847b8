import { describe, expect, it, vi } from 'vitest'
import { DEFAULT_RELAY_QUOTA } from '../src/server/relay/relay-quota.ts'
import { echo, linesOf, SmallMesh, serving, textOf, until } from './small-mesh.ts'

const NODES = 25
/** More than any limit that libp2p comes with, and at once; e2e has sixty. Handshakes take their time on a busy machine. */
const PATIENT = {
  joinTimeoutMs: 60_000,
  connectTimeoutMs: 60_000,
  openTimeoutMs: 60_000,
  answerTimeoutMs: 60_000,
}
const REFUSALS = 'edgeway_tunnel_server_refusals_total'

describe('a relay with quotas', () => {
  it('serves 25 nodes behind one address, all of which come at once', async () => {
    await using mesh = await SmallMesh.create()
    // They share one thread with the server: who waits for his turn is no stranger.
    const { deps } = await mesh.server({ admissionGraceMs: 60_000 })
    const names = Array.from({ length: NODES }, (_, index) => `edge-${index}`)
    const nodes = await Promise.all(names.map((name) => mesh.node(name, PATIENT)))
    for (const { deps } of nodes) {
      await vi.waitFor(() => expect(deps.metrics.value('edgeway_tunnel_peers')).toBe(NODES - 1), 100_000)
      await vi.waitFor(() => expect(deps.readiness.shut).not.toContain('tunnel'), 100_000)
    }

    expect(deps.metrics.value('edgeway_tunnel_server_reservations')).toBe(NODES)
    expect(deps.logger.lines.filter(({ level }) => level === 'warn')).toEqual([])
    for (const node of nodes) node.tunnel.serve(serving(echo))
    const [first, ...others] = nodes
    if (first === undefined) throw new Error('no nodes')
    const flows = await Promise.all(others.map(({ name }) => first.dial(name, AbortSignal.timeout(100_000))))
    for (const { path, stream } of flows) {
      stream.end('hello')
      expect([path, await textOf(stream)]).toEqual(['relayed', 'hello'])
    }
    expect(deps.metrics.value(REFUSALS, { reason: 'circuit-quota' })).toBe(0)
  }, 120_000)

  it('tells who dials that it has all circuits that it may have, and tells the server', async () => {
    await using mesh = await SmallMesh.create()
    const { deps } = await mesh.server({ quota: { ...DEFAULT_RELAY_QUOTA, circuitsPerMember: 1 } })
    const names = ['edge-1', 'edge-2', 'edge-3']
    const [one, two, three] = await Promise.all(names.map((name) => mesh.node(name)))
    if (one === undefined || two === undefined || three === undefined) throw new Error('no nodes')
    for (const node of [one, two, three]) {
      await (await node.ready()).knows(2)
      node.tunnel.serve(serving(echo))
    }
    expect((await one.dial('edge-2')).path).toBe('relayed')

    await expect(one.dial('edge-3')).rejects.toMatchObject({
      failure: 'no-path',
      message: expect.stringContaining('RESOURCE_LIMIT_EXCEEDED'),
    })
    expect(deps.metrics.value(REFUSALS, { reason: 'circuit-quota' })).toBeGreaterThan(0)
    expect(linesOf(deps, 'refused to serve a member beyond its quota')[0]).toMatchObject({
      level: 'warn',
      fields: { reason: 'circuit-quota', peer: one.tunnel.peerId, destination: three.tunnel.peerId },
    })
    // Others are not affected.
    expect((await two.dial('edge-3')).path).toBe('relayed')
  })

  it('tells a node in both logs that it has all reservations that it may have', async () => {
    await using mesh = await SmallMesh.create()
    const { deps } = await mesh.server({ quota: { ...DEFAULT_RELAY_QUOTA, reservationsPerMember: 0 } })
    const node = await mesh.node('edge-1')
    const message = 'no session with the tunnel server, will retry'
    await until(() => linesOf(node.deps, message).length > 0, 'a clear line')

    expect(linesOf(node.deps, message)[0]?.fields['error']).toMatchObject({
      message: expect.stringContaining('RESOURCE_LIMIT_EXCEEDED'),
    })
    expect(deps.metrics.value(REFUSALS, { reason: 'reservation-quota' })).toBeGreaterThan(0)
  })
})
