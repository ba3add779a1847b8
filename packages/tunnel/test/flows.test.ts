import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { echo, SmallMesh, serving, textOf, twoNodes, until } from './small-mesh.ts'

const MIB = 1024 * 1024

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

  it('goes over the LAN to a node that announces a private address', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { announceAddresses: 'auto' })
    two.tunnel.serve(serving(echo))

    const { path, stream } = await one.dial('edge-2')
    stream.end('hello')

    expect(path).toBe('lan')
    expect(await textOf(stream)).toBe('hello')
  })

  it('goes at once by the relayed connection that is there, and over the LAN as soon as that is tried', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { announceAddresses: 'auto' })
    for (const node of [one, two]) node.tunnel.serve(serving(echo))

    expect((await two.dial('edge-1')).path).toBe('relayed')
    expect((await one.dial('edge-2')).path).toBe('relayed')
    const labels = { path: 'lan' }
    await until(() => one.deps.metrics.value('edgeway_tunnel_connections', labels) > 0, 'it came up')
    expect((await one.dial('edge-2')).path).toBe('lan')
  })

  it('goes through the relay when nothing answers at the announced address', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { announceAddresses: ['127.0.0.1:1'] })
    two.tunnel.serve(serving(echo))

    expect((await one.dial('edge-2')).path).toBe('relayed')
  })

  it('goes over the LAN where both nodes come from one place', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh, { announceAddresses: 'auto' })
    const three = await (await mesh.node('edge-3', { usePrivateAddresses: false })).ready()
    for (const node of [one, two]) node.tunnel.serve(serving(echo))

    expect((await (await three.knows(2)).dial('edge-2')).path).toBe('lan')
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
