import { once } from 'node:events'
import { DialError, type FlowAnswer, type FlowHandler } from '@edgeway/core'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { startServerHost } from '../src/host.ts'
import { loadOrCreateKey } from '../src/identity.ts'
import { FLOW_PROTOCOL } from '../src/protocol/flow.ts'
import { echo, type MeshNode, SmallMesh, serving, textOf, until } from './small-mesh.ts'

const MIB = 1024 * 1024

/** `edge-1` and `edge-2`, joined and known to each other, with what the test says of `edge-2`. */
async function twoNodes(
  mesh: SmallMesh,
  overrides: Parameters<SmallMesh['node']>[1] = {},
): Promise<[MeshNode, MeshNode]> {
  await mesh.server()
  const one = await (await mesh.node('edge-1')).ready()
  const two = await (await mesh.node('edge-2', overrides)).ready()
  return [await one.knows(1), await two.knows(1)]
}

function refusing(answer: FlowAnswer): FlowHandler {
  return { open: async () => answer }
}

describe('a flow', () => {
  it('goes through the relay to a node that announces no address', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh)
    const handler = serving(echo)
    two.tunnel.serve(handler)

    const { path, stream } = await one.dial('edge-2')
    stream.end('hello')

    expect(path).toBe('relayed')
    expect(await textOf(stream)).toBe('hello')
    expect(handler.requests).toEqual([
      {
        from: 'edge-1',
        service: 'shop/web',
        target: { node: 'edge-2', ip: '10.1.0.1', port: 80, protocol: 'TCP' },
      },
    ])
    expect(
      one.deps.metrics.value('edgeway_tunnel_flows_total', { direction: 'outbound', path: 'relayed' }),
    ).toBe(1)
    expect(
      two.deps.metrics.value('edgeway_tunnel_flows_total', { direction: 'inbound', path: 'relayed' }),
    ).toBe(1)
  })

  it('goes directly to a node that announces an address', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { announceAddresses: 'auto' })
    two.tunnel.serve(serving(echo))

    const { path, stream } = await one.dial('edge-2')
    stream.end('hello')

    expect(path).toBe('direct')
    expect(await textOf(stream)).toBe('hello')
  })

  it('goes directly although a relayed connection is there already', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { announceAddresses: 'auto' })
    for (const node of [one, two]) node.tunnel.serve(serving(echo))

    expect((await two.dial('edge-1')).path).toBe('relayed')
    expect((await one.dial('edge-2')).path).toBe('direct')
  })

  it('goes through the relay when nothing answers at the announced address', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { announceAddresses: ['127.0.0.1:1'] })
    two.tunnel.serve(serving(echo))

    expect((await one.dial('edge-2')).path).toBe('relayed')
  })

  it('does not dial private addresses of other sites', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { announceAddresses: 'auto' })
    const three = await (await mesh.node('edge-3', { usePrivateAddresses: false })).ready()
    for (const node of [one, two]) node.tunnel.serve(serving(echo))

    expect((await (await three.knows(2)).dial('edge-2')).path).toBe('relayed')
  })

  it('carries bytes both ways at once, with half-close', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh)
    two.tunnel.serve(
      serving((stream) => {
        stream.write(Buffer.alloc(4 * MIB, 1))
        stream.resume().on('end', () => stream.end('got your end'))
      }),
    )

    const { stream } = await one.dial('edge-2')
    stream.end(Buffer.alloc(4 * MIB, 2))
    const answer = await textOf(stream)

    expect(answer.length).toBe(4 * MIB + 'got your end'.length)
    expect(answer.endsWith('got your end')).toBe(true)
  })

  it('passes resets on in both directions, through the relay', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh)
    const served = Promise.withResolvers<unknown>()
    two.tunnel.serve(
      serving((stream, reset) => {
        stream.on('error', served.resolve)
        stream.once('data', (data: Buffer) => {
          if (data.toString() === 'reset me') reset()
        })
      }),
    )

    const first = await one.dial('edge-2')
    first.stream.write('reset me')
    const [error] = await once(first.stream, 'error')
    expect(error).toMatchObject({ code: 'ERR_STREAM_RESET' })

    const second = await one.dial('edge-2')
    second.stream.write('hello')
    second.reset()
    expect(await served.promise).toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('keeps what the other side sends along with its answer', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh)
    two.tunnel.serve(serving((stream) => void stream.on('error', () => {}).end('220 ready')))

    const { stream } = await one.dial('edge-2')
    expect(await textOf(stream)).toBe('220 ready')
  })
})

describe('a dial', () => {
  it('fails for a node that no server knows', async () => {
    await using mesh = await SmallMesh.create()
    const [one] = await twoNodes(mesh)

    await expect(one.dial('edge-9')).rejects.toMatchObject({ failure: 'no-peer', retryable: true })
  })

  it.each([
    [{ status: 'unknown-target', reason: 'never heard' } as const, { failure: 'rejected', retryable: true }],
    [
      { status: 'endpoint-refused', reason: 'nobody there' } as const,
      { failure: 'refused', retryable: true },
    ],
    [{ status: 'wrong-node', reason: 'not me' } as const, { failure: 'rejected', retryable: false }],
  ])('fails with what the other node answers: %o', async (answer, expected) => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh)
    two.tunnel.serve(refusing(answer))

    const error = await one.dial('edge-2').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(DialError)
    expect(error).toMatchObject({ ...expected, message: expect.stringContaining(answer.reason) })
    const labels = { direction: 'inbound', reason: answer.status }
    expect(two.deps.metrics.value('edgeway_tunnel_flow_failures_total', labels)).toBe(1)
  })

  it('fails while the other node does not serve flows yet', async () => {
    await using mesh = await SmallMesh.create()
    const [one] = await twoNodes(mesh)

    await expect(one.dial('edge-2')).rejects.toThrow(/starting: the agent serves no flows yet/)
  })

  it('fails while the other node is about to stop, and its open flows end in peace', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { drainTimeoutMs: 60_000 })
    two.tunnel.serve(serving(echo))
    const { stream } = await one.dial('edge-2')
    const stopped = two.tunnel[Symbol.asyncDispose]()

    await expect(one.dial('edge-2')).rejects.toThrow(/draining/)
    stream.end('last words')
    expect(await textOf(stream)).toBe('last words')
    await stopped
  })

  it('cuts flows that do not end in time by a reset', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { drainTimeoutMs: 1 })
    two.tunnel.serve(serving(echo))
    const { stream } = await one.dial('edge-2')
    const ended = once(stream.resume(), 'error')
    await two.tunnel[Symbol.asyncDispose]()

    expect((await ended)[0]).toMatchObject({ code: 'ERR_STREAM_RESET' })
    expect(stream.readableEnded).toBe(false)
  })

  it('rejects with the reason of its signal', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh)
    const asked = Promise.withResolvers<void>()
    two.tunnel.serve({
      open: () => {
        asked.resolve()
        return new Promise(() => {})
      },
    })
    const controller = new AbortController()
    const dialling = one.dial('edge-2', controller.signal)
    await asked.promise
    controller.abort(new Error('changed my mind'))

    await expect(dialling).rejects.toThrow('changed my mind')
  })

  it('fails when the other node does not answer in time', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const one = await (await mesh.node('edge-1', { answerTimeoutMs: 50 })).ready()
    const two = await (await mesh.node('edge-2')).ready()
    two.tunnel.serve({ open: () => new Promise(() => {}) })

    await expect((await one.knows(1)).dial('edge-2')).rejects.toMatchObject({ failure: 'timeout' })
  })

  it('tells the handler when the asking node has gone, and abandons what it opened', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh)
    let abandoned = false
    const abandon = (): void => {
      abandoned = true
    }
    const asked = Promise.withResolvers<void>()
    two.tunnel.serve({
      open: async (_request, signal) => {
        asked.resolve()
        await once(signal, 'abort')
        return { status: 'ok', serve: () => {}, abandon }
      },
    })
    const controller = new AbortController()
    const dialling = one.dial('edge-2', controller.signal).catch(() => {})
    await asked.promise
    controller.abort()
    await dialling

    await until(() => abandoned, 'the flow is abandoned')
  })

  it('shares one connection with dials at the same time', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh)
    two.tunnel.serve(serving(echo))
    const flows = await Promise.all(Array.from({ length: 100 }, () => one.dial('edge-2')))

    expect(new Set(flows.map(({ path }) => path))).toEqual(new Set(['relayed']))
    expect(one.deps.metrics.value('edgeway_tunnel_connections', { path: 'relayed' })).toBe(1)
  })
})

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
    const key = await loadOrCreateKey(`${mesh.directory}/odd-key`)
    const host = await startServerHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
    await two.knows(1)
    const address = multiaddr(`${two.address}/p2p/${two.tunnel.peerId}`)
    const connection = await host.dial(address, new AbortController().signal)
    await until(
      () => two.deps.metrics.value('edgeway_tunnel_connections', { path: 'direct' }) === 1,
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
      retryable: false,
      message: expect.stringContaining('unsupported-version'),
    })
  })
})
