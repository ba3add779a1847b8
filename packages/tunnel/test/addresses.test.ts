import { it } from 'vitest'
import { SmallMesh } from './small-mesh.ts'

it('a node joins that has more addresses than the registry takes', async () => {
  await using mesh = await SmallMesh.create()
  await mesh.server()
  const announceAddresses = Array.from({ length: 40 }, (_, index) => `127.0.0.1:${index + 1}`)

  await (await mesh.node('edge-1', { announceAddresses })).ready()
})
