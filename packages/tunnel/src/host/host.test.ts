import { once } from 'node:events'
import { createServer } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it, vi } from 'vitest'
import { startServerHost } from './host.ts'

const HERE = { listenHost: '127.0.0.1', gater: {} }

it('listens only once it is prepared', async () => {
  const key = await generateKeyPair('Ed25519')
  let before: readonly unknown[] = ['not asked']
  const prepare = async ({ listenAddresses }: { listenAddresses(): readonly unknown[] }): Promise<void> => {
    before = listenAddresses()
  }
  const host = await startServerHost({ ...HERE, key, listenPort: 0, prepare })

  expect(before).toEqual([])
  expect(host.listenAddresses()).toHaveLength(1)
  await host.stop()
})

it('does not start on a port that is taken', async () => {
  const key = await generateKeyPair('Ed25519')
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = taken.address()
  const listenPort = typeof address === 'object' && address !== null ? address.port : 0

  await expect(startServerHost({ ...HERE, key, listenPort })).rejects.toThrow(/EADDRINUSE|listen/i)
  taken.close()
})

it('forgets a peer that left', async () => {
  const [server, visitor] = await Promise.all(
    [1, 2].map(async () =>
      startServerHost({ ...HERE, key: await generateKeyPair('Ed25519'), listenPort: 0 }),
    ),
  )
  if (server === undefined || visitor === undefined) throw new Error('no hosts')
  const known = async (): Promise<number> => (await server.node.peerStore.all()).length
  const address = multiaddr(`${server.listenAddresses()[0]}/p2p/${server.node.peerId}`)
  const connection = await visitor.dial(address, new AbortController().signal)
  await connection.newStream('/ipfs/ping/1.0.0')
  await vi.waitFor(async () => expect(await known()).toBe(1), 10_000)
  await connection.close()

  await vi.waitFor(async () => expect(await known()).toBe(0), 10_000)
  await Promise.all([server.stop(), visitor.stop()])
})
