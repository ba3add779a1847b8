import { describe, expect, it } from 'vitest'
import { echo, SmallMesh, serving, textOf } from './small-mesh.ts'

describe('a flow', () => {
  it('goes through the relay to a node that announces no address', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const one = await (await mesh.node('edge-1')).ready()
    const two = await (await mesh.node('edge-2')).ready()
    const handler = serving(echo)
    two.tunnel.serve(handler)
    await one.knows(1)

    const { path, stream } = await one.dial('edge-2')
    stream.end('hello')

    expect(path).toBe('relayed')
    expect(await textOf(stream)).toBe('hello')
    expect(handler.requests).toMatchObject([
      {
        from: 'edge-1',
        service: 'shop/web',
        target: { node: 'edge-2', ip: '10.1.0.1', port: 80, protocol: 'TCP' },
      },
    ])
  })
})
