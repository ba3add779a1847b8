import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { loadOrCreateKey } from '../src/identity/key.ts'
import { PrivateFile } from '../src/state/private-file.ts'
import { echo, linesOf, type MeshNode, SmallMesh, serving, textOf, until } from './small-mesh.ts'
import { closed, never, stranger } from './stranger.ts'

const CLOSES = 'closes a connection to a peer that is no member'
const REFUSED_BY_PEER = 'a peer refuses this node'

function refusedPeers({ deps }: MeshNode, reason: string): number {
  return deps.metrics.value('edgeway_tunnel_refused_peers_total', { reason })
}

function refusals({ deps }: MeshNode, by: 'peer' | 'server', reason: string): number {
  return deps.metrics.value('edgeway_tunnel_refusals_total', { by, reason })
}

describe('an agent', () => {
  it('refuses a stranger that dials it', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const node = await (await mesh.node('edge-1')).ready()
    await using host = await stranger()
    const connection = await host.dial(multiaddr(`${node.address}/p2p/${node.tunnel.peerId}`), never)
    await closed(connection)

    expect(refusedPeers(node, 'no-certificate')).toBe(1)
    expect(linesOf(node.deps, CLOSES)).toMatchObject([
      { level: 'warn', fields: { peer: host.node.peerId.toString(), reason: 'no-certificate' } },
    ])
  })

  it('refuses a member of another cluster, also one of the same name, and both say why', async () => {
    await using mesh = await SmallMesh.create()
    await using other = await SmallMesh.create()
    await mesh.server()
    await other.server()
    const here = await (await mesh.node('edge-1', { announceAddresses: 'auto' })).ready()
    const caller = await (await other.node('edge-2')).ready()
    // A member of the other cluster that the caller knows, at whose address is a node of this one: its key is copied.
    const namesake = await (
      await other.node('edge-1', {
        keyFile: join(mesh.directory, 'edge-1-key'),
        announceAddresses: [here.address.slice(1).replace(/ip4\/(.*)\/tcp\/(.*)/, '$1:$2')],
      })
    ).ready()
    await caller.knows(1)
    await namesake[Symbol.asyncDispose]()
    const handler = serving(echo)
    here.tunnel.serve(handler)

    await expect(caller.dial('edge-1')).rejects.toThrow()
    await until(() => refusedPeers(here, 'wrong-cluster') > 0, 'a count')
    await until(() => refusals(caller, 'peer', 'wrong-cluster') > 0, 'a count on the other side')
    expect(linesOf(here.deps, CLOSES)[0]?.fields).toMatchObject({ reason: 'wrong-cluster' })
    expect(linesOf(caller.deps, REFUSED_BY_PEER)[0]?.fields).toMatchObject({
      reason: 'wrong-cluster',
      node: 'edge-1',
      explanation: expect.stringContaining('is of cluster'),
    })
    expect(handler.requests).toEqual([])
  })

  it('closes its connections to a node that is revoked, and both say why', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const one = await (await mesh.node('edge-1', { announceAddresses: 'auto' })).ready()
    const two = await (await mesh.node('edge-2')).ready()
    one.tunnel.serve(serving(echo))
    const { stream, path } = await (await two.knows(1)).dial('edge-1')
    const ended = new Promise((resolve) => stream.on('error', resolve))
    expect(path).not.toBe('relayed')
    const keys = await mesh.keys()
    await keys.revoke({ kind: 'node', value: 'edge-2' })

    expect(await ended).toMatchObject({ code: 'ERR_STREAM_RESET' })
    await until(() => refusedPeers(one, 'revoked') > 0, 'a count')
    await until(() => refusals(two, 'server', 'revoked') > 0, 'the server says why')
    await until(() => refusals(two, 'peer', 'revoked') > 0, 'the peer says why')
    expect(linesOf(one.deps, CLOSES)[0]?.fields).toMatchObject({ peer: two.tunnel.peerId, reason: 'revoked' })
    expect(linesOf(two.deps, REFUSED_BY_PEER)[0]?.fields).toMatchObject({ reason: 'revoked', node: 'edge-1' })
    await until(() => one.deps.metrics.value('edgeway_tunnel_peers') === 0, 'it is forgotten')
    expect(one.isReady).toBe(true)
    expect(two.isReady).toBe(false)

    await keys.readmit('node', 'edge-2')
    await two.ready()
  })

  it('tells of a revocation to a node that sees no server', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const one = await (await mesh.node('edge-1', { announceAddresses: 'auto' })).ready()
    const two = await (await mesh.node('edge-2')).ready()
    const out = await (await mesh.node('edge-3')).ready()
    for (const node of [one, two, out]) await node.knows(2)
    await one[Symbol.asyncDispose]()
    const keys = await mesh.keys()
    await keys.revoke({ kind: 'node', value: 'edge-3' })
    await until(() => two.deps.metrics.value('edgeway_tunnel_peers') === 1, 'it is known')
    await server[Symbol.asyncDispose]()
    // It slept through the revocation, and does not know edge-2 any more.
    const [, port] = /tcp\/(\d+)/.exec(one.address) ?? []
    await writeFile(join(mesh.directory, 'edge-1', 'peers.json'), '{"version":1,"peers":[]}')
    const woken = await mesh.node('edge-1', { listenPort: Number(port) })
    woken.tunnel.serve(serving(echo))
    const { stream } = await two.dial('edge-1')
    stream.end('hello')
    expect(await textOf(stream)).toBe('hello')

    await expect(out.dial('edge-1')).rejects.toThrow()
    await until(() => refusedPeers(woken, 'revoked') > 0, 'a refusal')
  })

  it('goes on with direct flows while the tunnel server is away', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const one = await (await mesh.node('edge-1', { announceAddresses: 'auto' })).ready()
    const two = await (await mesh.node('edge-2')).ready()
    one.tunnel.serve(serving(echo))
    const { stream } = await (await two.knows(1)).dial('edge-1')
    await server[Symbol.asyncDispose]()
    await until(() => !two.isReady, 'the loss is noticed')

    stream.end('still here')
    expect(await textOf(stream)).toBe('still here')
    const again = await two.dial('edge-1')
    again.stream.end('and again')
    expect(await textOf(again.stream)).toBe('and again')
  })

  it('asks the server for a node that it has not heard of yet', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const one = await (await mesh.node('edge-1')).ready()
    await expect(one.dial('edge-9')).rejects.toMatchObject({ failure: 'no-peer' })

    expect(one.deps.metrics.value('edgeway_tunnel_lookups_total', { outcome: 'unknown' })).toBe(1)
    await expect(one.dial('edge-9')).rejects.toMatchObject({ failure: 'no-peer' })
    expect(one.deps.metrics.value('edgeway_tunnel_lookups_total', { outcome: 'unknown' })).toBe(1)
  })

  it('keeps its key over a restart, and shows itself to operators', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const node = await (await mesh.node('edge-1', { labels: { zone: 'a' } })).ready()
    const key = await loadOrCreateKey(new PrivateFile(join(mesh.directory, 'edge-1-key')))

    expect(node.tunnel.peerId).toBe(key.publicKey.toString())
    expect(node.deps.status.read('tunnel')).toMatchObject({
      node: 'edge-1',
      peer: node.tunnel.peerId,
      cluster: expect.stringMatching(/^[0-9a-f]{16}$/),
      certificate: { renewal: expect.stringMatching(/^2\d{3}-/), until: expect.stringMatching(/^2\d{3}-/) },
      servers: [{ state: 'joined', since: expect.any(String), rttMs: expect.any(Number), trouble: 'none' }],
      peers: 0,
    })
    // On disk a moment later.
    const identity = () => readFile(join(mesh.directory, 'edge-1', 'identity.json'), 'utf8')
    await expect.poll(identity).toContain('"certificate"')
  })
})
