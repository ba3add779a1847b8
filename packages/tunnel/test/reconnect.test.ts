import { describe, expect, it } from 'vitest'
import { echo, linesOf, SmallMesh, serving, textOf, until } from './small-mesh.ts'

describe('a tunnel', () => {
  it('starts without a server, says so, and joins when the server comes', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    await server[Symbol.asyncDispose]()
    const node = await mesh.node('edge-1')
    const message = 'no session with the tunnel server, will retry'
    await until(() => linesOf(node.deps, message).length > 0, 'a clear line')
    expect(node.isReady).toBe(false)

    await mesh.server()
    await node.ready()
    // Some attempts failed, one line tells.
    expect(linesOf(node.deps, message)).toHaveLength(1)
  })

  it('uses a restarted server again by itself, several times over', async () => {
    await using mesh = await SmallMesh.create()
    let { server } = await mesh.server()
    const one = await (await mesh.node('edge-1')).ready()
    const two = await (await mesh.node('edge-2')).ready()
    two.tunnel.serve(serving(echo))
    await (await one.knows(1)).dial('edge-2')

    for (let round = 1; round <= 3; round++) {
      await server[Symbol.asyncDispose]()
      await until(() => !one.isReady && !two.isReady, 'the loss is noticed')
      ;({ server } = await mesh.server())
      await Promise.all([one.ready(), two.ready()])

      const { stream, path } = await one.dial('edge-2')
      stream.end(`round ${round}`)
      expect(await textOf(stream)).toBe(`round ${round}`)
      expect(path).toBe('relayed')
    }
  })

  it('resets the flows of a lost relay', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const one = await (await mesh.node('edge-1')).ready()
    const two = await (await mesh.node('edge-2')).ready()
    two.tunnel.serve(serving(echo))
    const { stream } = await (await one.knows(1)).dial('edge-2')
    const error = new Promise((resolve) => stream.on('error', resolve))
    await server[Symbol.asyncDispose]()

    expect(await error).toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('finds a node again that was restarted', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const one = await (await mesh.node('edge-1')).ready()
    const before = await (await mesh.node('edge-2')).ready()
    before.tunnel.serve(serving(echo))
    await (await one.knows(1)).dial('edge-2')
    await before[Symbol.asyncDispose]()
    const after = await (await mesh.node('edge-2')).ready()
    after.tunnel.serve(serving(echo))

    const { stream } = await one.dial('edge-2')
    stream.end('hello again')
    expect(await textOf(stream)).toBe('hello again')
  })

  it('has one session with a server that is configured by two addresses', async () => {
    await using mesh = await SmallMesh.create()
    const { deps } = await mesh.server()
    const node = await mesh.node('edge-1', {
      servers: [mesh.serverAddress, mesh.serverAddress.replace('127.0.0.1', 'localhost')],
    })
    await node.ready()

    expect(node.deps.metrics.value('edgeway_tunnel_sessions')).toBe(1)
    expect(linesOf(deps, 'node joined')).toHaveLength(1)
  })

  it('joins two servers, and goes through the one that is left', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const addresses = [mesh.serverAddress]
    const second = await mesh.server({
      listenPort: 0,
      keyFile: `${mesh.directory}/second-key`,
      registryFile: `${mesh.directory}/second-registry.json`,
    })
    addresses.push(`127.0.0.1:${second.server.port}`)
    const one = await mesh.node('edge-1', { servers: addresses })
    const two = await mesh.node('edge-2', { servers: addresses })
    for (const node of [one, two]) {
      await until(() => node.deps.metrics.value('edgeway_tunnel_sessions') === 2, 'two sessions')
      node.tunnel.serve(serving(echo))
    }
    await server[Symbol.asyncDispose]()
    await until(() => one.deps.metrics.value('edgeway_tunnel_sessions') === 1, 'the loss is noticed')

    const { stream, path } = await (await one.knows(1)).dial('edge-2')
    stream.end('through the other')
    expect(path).toBe('relayed')
    expect(await textOf(stream)).toBe('through the other')
    expect(one.isReady).toBe(true)
  })
})
