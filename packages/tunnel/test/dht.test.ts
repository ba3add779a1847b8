import { describe, expect, it } from 'vitest'
import { type DhtAgent, DhtMesh, knows } from './dht-mesh.ts'
import { until } from './small-mesh.ts'

describe('without any tunnel server', () => {
  it('two agents find each other through a third one that both know', async () => {
    await using mesh = await DhtMesh.create()
    const c = await mesh.agent('edge-c')
    const [a, b] = [await mesh.agent('edge-a', [c]), await mesh.agent('edge-b', [c])]
    for (const { dht } of [a, b]) dht.start()
    await knows(c, b.record)

    const found = await a.lookup('edge-b')
    expect(found).toEqual(b.record)
    expect(a.book.byPeerId(b.record.peerId)).toEqual(b.record)
    expect(found && (await a.echo(found, 'hello'))).toBe('hello')
  })

  it('of many agents that both know, two agents choose the same ones to meet at', async () => {
    await using mesh = await DhtMesh.create()
    const common = await Promise.all(Array.from({ length: 12 }, (_, index) => mesh.agent(`edge-${index}`)))
    const [a, b] = [await mesh.agent('edge-a', common), await mesh.agent('edge-b', common)]
    b.dht.start()
    const keepers = (): DhtAgent[] => common.filter(({ book }) => book.byPeerId(b.record.peerId))
    await until(() => keepers().length === 3, 'three have the record of B')

    expect(await a.lookup('edge-b')).toEqual(b.record)
    expect(keepers().map(({ record }) => record.peerId)).toEqual(expect.arrayContaining(a.dialled))
  })

  it('an agent asks one that still has its server, and has published nothing', async () => {
    await using mesh = await DhtMesh.create()
    const b = await mesh.agent('edge-b')
    const a = await mesh.agent('edge-a', [await mesh.agent('edge-c', [b])])

    expect(await a.lookup('edge-b')).toEqual(b.record)
  })

  it('an agent is found over agents that the asking one has never heard of', async () => {
    await using mesh = await DhtMesh.create()
    const b = await mesh.agent('edge-b')
    const e = await mesh.agent('edge-e', [b])
    const d = await mesh.agent('edge-d', [e])
    const c = await mesh.agent('edge-c', [d])
    const a = await mesh.agent('edge-a', [c])
    for (const { dht } of [c, d]) dht.start()
    await knows(d, c.record)
    await knows(e, d.record)

    const found = await a.lookup('edge-b')
    expect(found).toEqual(b.record)
    expect(found && (await a.echo(found, 'far away'))).toBe('far away')
  })

  it('contacts get each new record', async () => {
    await using mesh = await DhtMesh.create()
    const c = await mesh.agent('edge-c')
    const b = await mesh.agent('edge-b', [c])
    b.dht.start()
    await knows(c, b.record)
    b.dht.publish(b.say({ lan: ['/ip4/192.168.7.7/tcp/20008'] }))

    await knows(c, b.record)
  })

  it('a node is not found when nobody is there who could be asked', async () => {
    await using mesh = await DhtMesh.create()
    const c = await mesh.agent('edge-c')
    const a = await mesh.agent('edge-a', [c])
    await c[Symbol.asyncDispose]()

    expect(await a.lookup('edge-b')).toBeUndefined()
    expect(a.dialled).toEqual([c.record.peerId])
    // It was dialled once: now it is left alone for a while.
    expect(await a.lookup('edge-d')).toBeUndefined()
    expect(a.dialled).toHaveLength(1)
  })

  it('a node answers for itself', async () => {
    await using mesh = await DhtMesh.create()
    const b = await mesh.agent('edge-b')
    const a = await mesh.agent('edge-a', [b])
    b.dht.publish(b.say({}))

    expect(await a.lookup('edge-b')).toEqual(b.record)
  })

  it('nothing is sent before anything is asked', async () => {
    await using mesh = await DhtMesh.create()
    const c = await mesh.agent('edge-c')
    const a = await mesh.agent('edge-a', [c])
    a.dht.publish(a.say({}))
    a.dht.start()
    a.dht.stop()
    a.dht.publish(a.say({}))
    await a.echo(c.record, 'only this')

    expect(c.book.size).toBe(0)
  })
})
