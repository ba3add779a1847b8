import { describe, expect, it, vi } from 'vitest'
import { echo, linesOf, type MeshNode, SmallMesh, serving, textOf, until } from './small-mesh.ts'

const ALONE = 'no tunnel server answers, other agents are asked instead'
const ACCOMPANIED = 'a tunnel server answers again, other agents are not asked any more'
const REACHABLE = { announceAddresses: 'auto' } as const

/** What another node echoes, once it can be reached at all. */
async function echoOf(from: MeshNode, node: string): Promise<string> {
  const { stream } = await vi.waitFor(() => from.dial(node), { timeout: 15_000, interval: 100 })
  stream.end(`hello ${node}`)
  return await textOf(stream)
}

/** `edge-a` has never heard of `edge-b`, `edge-c` knows both, and the tunnel server is dead. */
async function strangersWithCommonPeer(mesh: SmallMesh): Promise<Record<'a' | 'b' | 'c', MeshNode>> {
  const { server } = await mesh.server()
  const c = await (await mesh.node('edge-c', REACHABLE)).ready()
  const before = await (await mesh.node('edge-a', REACHABLE)).ready()
  await before.knows(1)
  await before[Symbol.asyncDispose]()
  const b = await (await mesh.node('edge-b', REACHABLE)).ready()
  await c.knows(2)
  await server[Symbol.asyncDispose]()
  const a = await mesh.node('edge-a', REACHABLE)
  for (const node of [a, b, c]) node.tunnel.serve(serving(echo))
  return { a, b, c }
}

describe('while no tunnel server answers', () => {
  it('two nodes find each other by a third one that both know', async () => {
    await using mesh = await SmallMesh.create()
    const { a, b } = await strangersWithCommonPeer(mesh)
    expect(a.deps.metrics.value('edgeway_tunnel_peers')).toBe(1)

    expect(await echoOf(a, 'edge-b')).toBe('hello edge-b')
    expect(await echoOf(b, 'edge-a')).toBe('hello edge-a')
    expect(a.isReady).toBe(false)
    expect(linesOf(a.deps, ALONE)).toHaveLength(1)
  })

  it('a node asks others again after a server was there for a while', async () => {
    await using mesh = await SmallMesh.create()
    const { a, b } = await strangersWithCommonPeer(mesh)
    await until(() => linesOf(a.deps, ALONE).length === 1, 'A is alone')
    const { server } = await mesh.server()
    await Promise.all([a.ready(), b.ready()])
    expect(linesOf(a.deps, ACCOMPANIED)).toHaveLength(1)

    await server[Symbol.asyncDispose]()
    await until(() => linesOf(a.deps, ALONE).length === 2, 'A is alone again')
  })

  it('a node that nobody knows is reported as such', async () => {
    await using mesh = await SmallMesh.create()
    const { a } = await strangersWithCommonPeer(mesh)
    await until(() => linesOf(a.deps, ALONE).length === 1, 'A is alone')

    await expect(a.dial('edge-z')).rejects.toMatchObject({ failure: 'no-peer' })
  })

  it('a node stops while it asks others', async () => {
    await using mesh = await SmallMesh.create()
    const { a } = await strangersWithCommonPeer(mesh)
    await until(() => linesOf(a.deps, ALONE).length === 1, 'A is alone')
    const dial = a.dial('edge-z').catch((error: unknown) => error)
    await a[Symbol.asyncDispose]()

    expect(await dial).toMatchObject({ failure: 'no-peer' })
  })
})
