import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { loadOrCreateKey } from '../src/identity/key.ts'
import { PrivateFile } from '../src/state/private-file.ts'
import { echo, linesOf, SmallMesh, serving, textOf, until } from './small-mesh.ts'
import { closed, never, stranger } from './stranger.ts'

describe('an agent', () => {
  it('refuses a stranger that dials it', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const node = await (await mesh.node('edge-1', { unknownPeerWaitMs: 50 })).ready()
    await using host = await stranger()
    // The stranger's side of the handshake succeeds before the agent has looked it up.
    const connection = await host
      .dial(multiaddr(`${node.address}/p2p/${node.tunnel.peerId}`), never)
      .catch(() => undefined)
    if (connection?.status === 'open') await closed(connection)

    await until(
      () => node.deps.metrics.value('edgeway_tunnel_refused_peers_total', { reason: 'unknown' }) === 1,
      'a count',
    )
    expect(linesOf(node.deps, 'refused a connection of a peer that no tunnel server knows')).toMatchObject([
      { level: 'warn', fields: { peer: host.node.peerId.toString() } },
    ])
  })

  it('closes its connections to a peer that lost its membership', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const one = await (await mesh.node('edge-1', { announceAddresses: 'auto' })).ready()
    const joinTokenFile = join(mesh.directory, 'edge-2-token')
    await copyFile(mesh.joinTokenFile, joinTokenFile)
    const two = await (await mesh.node('edge-2', { joinTokenFile })).ready()
    one.tunnel.serve(serving(echo))
    const { stream, path } = await (await two.knows(1)).dial('edge-1')
    const ended = new Promise((resolve) => stream.on('error', resolve))
    expect(path).toBe('lan')

    // The server forgets `edge-2`, which does not come back.
    await server[Symbol.asyncDispose]()
    const members = { version: 1, members: [{ node: 'edge-1', peerId: one.tunnel.peerId, since: '' }] }
    await writeFile(join(mesh.directory, 'other-members.json'), JSON.stringify(members))
    await writeFile(joinTokenFile, 'revoked')
    await mesh.server({ membersFile: join(mesh.directory, 'other-members.json') })

    expect(await ended).toMatchObject({ code: 'ERR_STREAM_RESET' })
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

  it('keeps its key over a restart', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const node = await mesh.node('edge-1')
    const key = await loadOrCreateKey(new PrivateFile(join(mesh.directory, 'edge-1-key')))

    expect(node.tunnel.peerId).toBe(key.publicKey.toString())
  })
})
