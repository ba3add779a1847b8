import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { DialError, type FlowAnswer, type FlowHandler } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { echo, SmallMesh, serving, textOf, twoNodes, until } from './small-mesh.ts'

function refusing(answer: FlowAnswer): FlowHandler {
  return { open: async () => answer }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

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
    [{ status: 'wrong-node', reason: 'not me' } as const, { failure: 'rejected', retryable: true }],
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
    const [one, two] = await twoNodes(mesh, { drainTimeoutMs: 1, announceAddresses: 'auto' })
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

  it('fails as a timeout when the other node takes the connection and stays silent', async () => {
    await using mesh = await SmallMesh.create()
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    await mesh.server()
    const one = await (await mesh.node('edge-1', { connectTimeoutMs: 200 })).ready()
    const two = await mesh.node('edge-2', { announceAddresses: [`127.0.0.1:${portOf(silent)}`] })
    await (await two.ready()).tunnel[Symbol.asyncDispose]()

    await expect((await one.knows(1)).dial('edge-2')).rejects.toMatchObject({ failure: 'timeout' })
    silent.close()
  })

  it('leaves no connections behind to a node that resets its flows', async () => {
    await using mesh = await SmallMesh.create()
    const [one, two] = await twoNodes(mesh)
    two.tunnel.serve({ open: () => Promise.reject(new Error('broken')) })
    for (let i = 0; i < 5; i++)
      await expect(one.dial('edge-2')).rejects.toMatchObject({ failure: 'unreachable' })

    const count = (): number => one.deps.metrics.value('edgeway_tunnel_connections', { path: 'relayed' })
    await until(() => count() === 0, 'the connections are closed')
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
