import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { startServerHost } from '../src/host/host.ts'
import { loadOrCreateKey } from '../src/identity/key.ts'
import { encodeStopConnect, HOP_PROTOCOL, STOP_PROTOCOL } from '../src/protocol/circuit.ts'
import { FLOW_PROTOCOL } from '../src/protocol/flow.ts'
import { PrivateFile } from '../src/state/private-file.ts'
import { echo, SmallMesh, serving, until } from './small-mesh.ts'

describe('an agent that speaks otherwise', () => {
  /** A member whose side of the flow protocol the test speaks, and a node that takes flows. */
  async function oddMember(mesh: SmallMesh) {
    await mesh.server()
    const two = await (
      await mesh.node('edge-2', { announceAddresses: 'auto', requestTimeoutMs: 500 })
    ).ready()
    // Joins, so that the node knows its key, and leaves the key to a host of the test's own.
    const former = await (await mesh.node('odd')).ready()
    await former[Symbol.asyncDispose]()
    const key = await loadOrCreateKey(new PrivateFile(`${mesh.directory}/odd-key`))
    const host = await startServerHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
    await two.knows(1)
    const address = multiaddr(`${two.address}/p2p/${two.tunnel.peerId}`)
    const connection = await host.dial(address, new AbortController().signal)
    await until(
      () => two.deps.metrics.value('edgeway_tunnel_connections', { path: 'lan' }) === 1,
      'a connection',
    )
    return { host, two, connection, [Symbol.asyncDispose]: async () => host.stop() }
  }

  it.each([
    ['garbage', Buffer.from([0, 3, 1, 2, 3])],
    ['a frame too large', Buffer.from([0xff, 0xff])],
    ['no target', Buffer.concat([Buffer.from([0, 2]), Buffer.from('{}')])],
  ])('gets bad-request for %s', async (_what, bytes) => {
    await using mesh = await SmallMesh.create()
    await using odd = await oddMember(mesh)
    odd.two.tunnel.serve(serving(echo))
    const stream = await odd.connection.newStream(FLOW_PROTOCOL)
    const answer = Promise.withResolvers<string>()
    stream.addEventListener('message', ({ data }) => answer.resolve(Buffer.from(data.subarray(2)).toString()))
    stream.send(bytes)

    expect(JSON.parse(await answer.promise)).toMatchObject({ status: 'bad-request' })
  })

  it('is cut off when it asks for nothing', async () => {
    await using mesh = await SmallMesh.create()
    await using odd = await oddMember(mesh)
    odd.two.tunnel.serve(serving(echo))
    const stream = await odd.connection.newStream(FLOW_PROTOCOL)

    await new Promise((resolve) => stream.addEventListener('close', resolve))
    expect(
      odd.two.deps.metrics.value('edgeway_tunnel_flow_failures_total', {
        direction: 'inbound',
        reason: 'aborted',
      }),
    ).toBe(1)
  })

  it('is refused as of an unsupported version when it does not know the protocol', async () => {
    await using mesh = await SmallMesh.create()
    await using odd = await oddMember(mesh)

    // The node reuses the connection that the odd member made.
    await expect(odd.two.dial('odd')).rejects.toMatchObject({
      failure: 'rejected',
      retryable: true,
      message: expect.stringContaining('unsupported-version'),
    })
  })

  it('gets no circuit and no reservation, as it is no relay of the node', async () => {
    await using mesh = await SmallMesh.create()
    await using odd = await oddMember(mesh)
    let asked = 0
    await odd.host.node.handle(HOP_PROTOCOL, () => void asked++)
    const attempts = Array.from({ length: 5 }, async () => {
      const stream = await odd.connection.newStream(STOP_PROTOCOL)
      stream.addEventListener('message', () => void asked++)
      const ended = new Promise((resolve) => stream.addEventListener('close', resolve))
      if (stream.status !== 'open') return
      stream.send(encodeStopConnect(odd.host.node.peerId.toMultihash().bytes))
      await ended
    })
    await Promise.all(attempts)

    expect(asked).toBe(0)
  })
})
