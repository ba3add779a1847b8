import { expect, it } from 'vitest'
import { echo, SmallMesh, serving, twoNodes } from './small-mesh.ts'

it('a node is dialled at an address that it got after it joined', async () => {
  await using mesh = await SmallMesh.create()
  const announceAddresses: string[] = []
  const [one, two] = await twoNodes(mesh, { announceAddresses })
  two.tunnel.serve(serving(echo))
  expect((await one.dial('edge-2')).path).toBe('relayed')
  const [, port] = /\/tcp\/(\d+)/.exec(two.address) ?? []
  announceAddresses.push(`127.0.0.1:${port}`)

  let path: string
  do {
    const connection = await one.dial('edge-2')
    path = connection.path
    connection.reset()
  } while (path !== 'direct')
})

it('a node joins that has more addresses than the registry takes', async () => {
  await using mesh = await SmallMesh.create()
  await mesh.server()
  const announceAddresses = Array.from({ length: 40 }, (_, index) => `127.0.0.1:${index + 1}`)

  await (await mesh.node('edge-1', { announceAddresses })).ready()
})
