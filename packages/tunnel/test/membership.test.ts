import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { StreamDuplex } from '../src/host/stream-duplex.ts'
import { readFrame } from '../src/protocol/frames.ts'
import { decodeServerMessage, REGISTRY_PROTOCOL, SERVER_FRAMES } from '../src/protocol/registry.ts'
import { echo, linesOf, SmallMesh, serving, until } from './small-mesh.ts'
import { closed, dialServer, never, stranger } from './stranger.ts'

describe('the tunnel server', () => {
  it('refuses a wrong join token with a clear line in both logs, and takes the right one later', async () => {
    await using mesh = await SmallMesh.create()
    const { server, deps } = await mesh.server()
    const joinTokenFile = await mesh.wrongTokenFile()
    const node = await mesh.node('edge-1', { joinTokenFile })
    await until(
      () => linesOf(node.deps, 'the tunnel server refused this node, will retry').length > 0,
      'a refusal',
    )

    expect(linesOf(node.deps, 'the tunnel server refused this node, will retry')).toMatchObject([
      { level: 'error', fields: { reason: 'wrong-token' } },
    ])
    expect(linesOf(deps, 'refused to let a node join')[0]).toMatchObject({
      level: 'warn',
      fields: { reason: 'wrong-token', node: 'edge-1', peer: node.tunnel.peerId },
    })
    expect(
      deps.metrics.value('edgeway_tunnel_server_refusals_total', { reason: 'wrong-token' }),
    ).toBeGreaterThan(0)
    expect(node.isReady).toBe(false)

    const text = await readFile(mesh.joinTokenFile, 'utf8')
    await writeFile(joinTokenFile, text)
    await node.ready()
    const logged = JSON.stringify([...deps.logger.lines, ...node.deps.logger.lines])
    expect(logged).not.toContain(text.trim().split('.')[2])
    expect(server.peerId).toBe(text.split('.')[1])
  })

  it('waits for a join token that is not there yet', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const joinTokenFile = join(mesh.directory, 'later')
    const node = await mesh.node('edge-1', { joinTokenFile })
    const message = 'can not join without a valid join token, will retry'
    await until(() => linesOf(node.deps, message).length > 0, 'a clear line')
    expect(linesOf(node.deps, message)[0]?.fields['error']).toMatchObject({
      message: expect.stringContaining('is missing'),
    })

    await copyFile(mesh.joinTokenFile, joinTokenFile)
    await node.ready()
  })

  it('is not talked to when its key is not the one of the join token', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    await copyFile(mesh.joinTokenFile, join(mesh.directory, 'old-token'))
    await server[Symbol.asyncDispose]()
    const { deps } = await mesh.server({
      keyFile: join(mesh.directory, 'other-key'),
      joinTokenFile: join(mesh.directory, 'other-token'),
    })
    const node = await mesh.node('edge-1', { joinTokenFile: join(mesh.directory, 'old-token') })
    const message = 'can not join without a valid join token, will retry'
    await until(() => linesOf(node.deps, message).length > 0, 'a clear line')

    expect(linesOf(node.deps, message)[0]?.fields['error']).toMatchObject({
      message: expect.stringContaining('not the one of the join token'),
    })
    expect(linesOf(deps, 'refused to let a node join')).toEqual([])
  })

  it('welcomes each of many nodes that join at once before it tells it of the others', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const names = Array.from({ length: 10 }, (_, index) => `edge-${index}`)
    const nodes = await Promise.all(names.map((name) => mesh.node(name)))
    for (const node of nodes) await (await node.ready()).knows(nodes.length - 1)

    for (const { deps } of nodes)
      expect(linesOf(deps, 'no session with the tunnel server, will retry')).toEqual([])
  })

  it('needs no token of a member, also after its own restart', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const first = await (await mesh.node('edge-1')).ready()
    await first[Symbol.asyncDispose]()
    const joinTokenFile = await mesh.wrongTokenFile()
    await server[Symbol.asyncDispose]()
    await mesh.server()

    await (await mesh.node('edge-1', { joinTokenFile })).ready()
  })

  it('refuses a node name whose holder is connected, and gives it away when the holder has gone', async () => {
    await using mesh = await SmallMesh.create()
    const { deps } = await mesh.server()
    const watcher = await (await mesh.node('edge-9')).ready()
    const first = await (await mesh.node('edge-1')).ready()
    const second = await mesh.node('edge-1', { keyFile: join(mesh.directory, 'other-key') })
    await until(
      () => linesOf(second.deps, 'the tunnel server refused this node, will retry').length > 0,
      'a refusal',
    )
    expect(linesOf(second.deps, 'the tunnel server refused this node, will retry')[0]?.fields).toMatchObject({
      reason: 'node-name-taken',
    })

    await first[Symbol.asyncDispose]()
    await second.ready()
    expect(linesOf(deps, 'a member was replaced')).toMatchObject([
      { level: 'warn', fields: { node: 'edge-1', peer: first.tunnel.peerId, by: second.tunnel.peerId } },
    ])
    second.tunnel.serve(serving(echo))
    await watcher.dial('edge-1')
  })

  it('refuses a registry version that it does not know', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    await using host = await stranger()
    const connection = await dialServer(host, mesh, server.peerId)
    const stream = new StreamDuplex(await connection.newStream(REGISTRY_PROTOCOL))
    const join = Buffer.from(
      JSON.stringify({ type: 'join', version: 2, node: 'a', token: '', addresses: [] }),
    )
    stream.write(Buffer.concat([Buffer.from([0, 0, 0, join.length]), join]))

    const frame = await readFrame(stream, SERVER_FRAMES, never)
    expect(decodeServerMessage(frame ?? Buffer.alloc(0))).toMatchObject({
      type: 'refused',
      reason: 'unsupported-version',
      message: expect.stringContaining('version 2 is unknown'),
    })
    stream.destroy()
  })

  it.each([
    ['garbage', Buffer.from([0, 0, 0, 3, 1, 2, 3])],
    ['a frame too large', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ])('refuses %s, and closes the connection', async (_what, bytes) => {
    await using mesh = await SmallMesh.create()
    const { server, deps } = await mesh.server()
    await using host = await stranger()
    const connection = await dialServer(host, mesh, server.peerId)
    const gone = closed(connection)
    const stream = await connection.newStream(REGISTRY_PROTOCOL)
    stream.send(bytes)
    await stream.close()

    await gone
    expect(deps.metrics.value('edgeway_tunnel_server_refusals_total', { reason: 'bad-request' })).toBe(1)
  })

  it('closes a connection without a join', async () => {
    await using mesh = await SmallMesh.create()
    const { server, deps } = await mesh.server({ admissionGraceMs: 100 })
    await using host = await stranger()
    const connection = await dialServer(host, mesh, server.peerId)

    await closed(connection)
    expect(linesOf(deps, 'closed a connection whose peer did not join')).toMatchObject([
      { level: 'warn', fields: { peer: host.node.peerId.toString() } },
    ])
    expect(deps.metrics.value('edgeway_tunnel_server_refusals_total', { reason: 'not-admitted' })).toBe(1)
  })

  it('gives a stranger no reservation and no circuit', async () => {
    await using mesh = await SmallMesh.create()
    const { server, deps } = await mesh.server({ admissionGraceMs: 60_000 })
    const member = await (await mesh.node('edge-1')).ready()
    await using host = await stranger()
    const connection = await dialServer(host, mesh, server.peerId)

    await expect(host.reserve(connection.remotePeer)).rejects.toThrow(/PERMISSION_DENIED/)
    const circuit = multiaddr(`${connection.remoteAddr}/p2p-circuit/p2p/${member.tunnel.peerId}`)
    await expect(host.dial(circuit, never)).rejects.toThrow(/PERMISSION_DENIED/)
    for (const reason of ['reservation', 'circuit']) {
      expect(deps.metrics.value('edgeway_tunnel_server_refusals_total', { reason })).toBe(1)
    }
    expect(
      linesOf(deps, 'refused to serve a peer that has not joined').map(({ fields }) => fields['peer']),
    ).toEqual([host.node.peerId.toString(), host.node.peerId.toString()])
  })

  it('takes a key that is a copy for one node at a time', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    await (await mesh.node('edge-1')).ready()
    const copy = await mesh.node('edge-2', { keyFile: join(mesh.directory, 'edge-1-key') })
    await until(
      () => linesOf(copy.deps, 'the tunnel server refused this node, will retry').length > 0,
      'a refusal',
    )

    expect(linesOf(copy.deps, 'the tunnel server refused this node, will retry')[0]?.fields).toMatchObject({
      reason: 'key-in-use',
    })
  })
})
