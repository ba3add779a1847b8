import { expect, it } from 'vitest'
import { echo, type MeshNode, SmallMesh, serving, textOf, twoNodes, until } from './small-mesh.ts'

function pathsOf(node: MeshNode): unknown {
  return (node.deps.status.read('tunnel') as { paths: unknown }).paths
}

it('/statusz says which way leads to each node, and why none does', async () => {
  await using mesh = await SmallMesh.create()
  const { server } = await mesh.server()
  const one = await (await mesh.node('edge-1')).ready()
  const two = await (await mesh.node('edge-2')).ready()
  await one.knows(1)
  two.tunnel.serve(serving(echo))
  expect(pathsOf(one)).toEqual([])

  const { stream } = await one.dial('edge-2')
  stream.end('hello')
  await textOf(stream)
  const relay = expect.stringContaining('/p2p-circuit')
  expect(pathsOf(one)).toEqual([
    expect.objectContaining({ node: 'edge-2', path: 'relayed', address: relay, isSuspect: false }),
  ])

  await server[Symbol.asyncDispose]()
  await until(() => !one.isReady, 'the loss is noticed')
  await expect(one.dial('edge-2')).rejects.toMatchObject({ failure: 'no-path' })
  const why = 'no tunnel server is joined, and the node has told no address that could be tried'
  expect(pathsOf(one)).toEqual([expect.objectContaining({ node: 'edge-2', path: null, why })])
})

it('/statusz says so when the way to a node is the LAN', async () => {
  await using mesh = await SmallMesh.create()
  const [one, two] = await twoNodes(mesh, { announceAddresses: 'auto' })
  two.tunnel.serve(serving(echo))
  await one.dial('edge-2')

  expect(pathsOf(one)).toEqual([expect.objectContaining({ node: 'edge-2', path: 'lan' })])
})
