import { afterEach, expect, it, vi } from 'vitest'
import { echo, SmallMesh, serving, twoNodes } from './small-mesh.ts'

afterEach(() => void vi.useRealTimers())

it('a node is dialled at an address that it got after it joined', async () => {
  await using mesh = await SmallMesh.create()
  // A look at the addresses comes every 2 s: each round below makes one due.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const announceAddresses: string[] = []
  const [one, two] = await twoNodes(mesh, { announceAddresses })
  two.tunnel.serve(serving(echo))
  expect((await one.dial('edge-2')).path).toBe('relayed')
  const [, port] = /\/tcp\/(\d+)/.exec(two.address) ?? []
  announceAddresses.push(`127.0.0.1:${port}`)

  let path: string
  do {
    await vi.advanceTimersByTimeAsync(2_000)
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
