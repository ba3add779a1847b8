import { randomBytes } from 'node:crypto'
import type { NodeName } from '@edgeway/core'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import type { AgentHost } from '../src/host/host.ts'
import { DHT_PROTOCOL } from '../src/node/dht/limits.ts'
import { encodeKey, encodeValue } from '../src/node/dht/records.ts'
import { type DhtAgent, DhtMesh, knows, recordOf } from './dht-mesh.ts'
import { RogueKad } from './rogue-kad.ts'
import { until } from './small-mesh.ts'

/** The key under which the record of that node is. */
function keyOf(mesh: DhtMesh, node: string): Buffer {
  return encodeKey(mesh.keys.cluster, { kind: 'node', node: node as NodeName })
}

describe('an agent that lies', () => {
  /** `edge-a`, which knows only a rogue `edge-c`; the rogue has these values for each key. */
  async function withRogue(mesh: DhtMesh, stored: (key: Uint8Array) => Uint8Array | undefined) {
    const rogue = await mesh.host()
    await RogueKad.start(rogue.host, { stored })
    const a = await mesh.agent('edge-a')
    a.book.apply(recordOf('edge-c', rogue, mesh))
    return a
  }

  /** Values that must not be believed, for `edge-b`. */
  async function lies(mesh: DhtMesh): Promise<[string, Buffer][]> {
    await using other = await DhtMesh.create()
    const stranger = await other.agent('edge-b')
    const [b, d, gone] = [await mesh.agent('edge-b'), await mesh.agent('edge-d'), await mesh.agent('edge-b')]
    const { certificate, record } = b.record.wire
    const text = (wire: object): Buffer => Buffer.from(JSON.stringify(wire))
    const expired = { certificate: mesh.certify('edge-b', b.key, -700), record }
    await mesh.keys.revoke({ kind: 'peer', value: gone.record.peerId })
    return [
      ['of another cluster', encodeValue(stranger.record)],
      ['expired', text(expired)],
      ['revoked', encodeValue(gone.record)],
      ['of another node', encodeValue(d.record)],
      ['signed by another key', text({ certificate, record: d.record.wire.record })],
      ['changed', text({ certificate, record: `A${record}` })],
      ['too long', text({ certificate, record: 'A'.repeat(17_000) })],
      ['nonsense', randomBytes(1_000)],
      ['empty', Buffer.alloc(0)],
    ]
  }

  it('is not believed, whatever it answers', async () => {
    await using mesh = await DhtMesh.create()
    const values = await lies(mesh)
    let answer: Buffer | undefined
    const a = await withRogue(mesh, () => answer)
    const bundle = mesh.keys.trust.bundle
    if (bundle !== undefined) a.trust.adopt(bundle)
    for (const [what, value] of values) {
      answer = value
      a.dht.forgetFailures()
      expect(await a.lookup('edge-b'), what).toBeUndefined()
    }
    expect(a.book.size).toBe(1)
  })

  it('can give nobody what is not true', async () => {
    await using mesh = await DhtMesh.create()
    const values = await lies(mesh)
    const c = await mesh.agent('edge-c')
    const bundle = mesh.keys.trust.bundle
    if (bundle !== undefined) c.trust.adopt(bundle)
    const { host, key } = await mesh.host()
    mesh.certify('edge-x', key)
    const rogue = await RogueKad.start(host)
    await rogue.use(await host.dial(addressOf(c), AbortSignal.timeout(5_000)))
    for (const [what, value] of values) expect(await rogue.put(keyOf(mesh, 'edge-b'), value), what).toBe(0)

    expect(c.book.size).toBe(0)
    // The way itself is open: what is true is taken.
    const b = await mesh.agent('edge-e')
    expect(await rogue.put(keyOf(mesh, 'edge-e'), encodeValue(b.record))).toBe(1)
    expect(c.book.byPeerId(b.record.peerId)).toEqual(b.record)
    expect(await rogue.put(Buffer.from(`/pk/${'x'.repeat(34)}`), randomBytes(34))).toBe(0)
  })

  it('with an old record loses against the one who has the new one', async () => {
    await using mesh = await DhtMesh.create()
    const b = await mesh.agent('edge-b')
    const old = encodeValue(b.record)
    const answered = Promise.withResolvers<void>()
    const a = await withRogue(mesh, () => {
      setTimeout(answered.resolve, 50)
      return old
    })
    b.say({ lan: ['/ip4/192.168.7.7/tcp/20008'] })
    const d = await mesh.agent('edge-d', [b])
    // Its answer comes later than the other one.
    d.judging = answered.promise
    a.book.apply(d.record)

    expect(await a.lookup('edge-b')).toEqual(b.record)
  })

  it('with an old record does not push out a newer one', async () => {
    await using mesh = await DhtMesh.create()
    const b = await mesh.agent('edge-b')
    const old = encodeValue(b.record)
    const a = await withRogue(mesh, () => old)
    a.book.apply(b.say({}))
    await b[Symbol.asyncDispose]()

    expect(await a.lookup('edge-b')).toEqual(b.record)
  })

  it('does not keep others from being found by naming a thousand that do not exist', async () => {
    await using mesh = await DhtMesh.create()
    const keys = await Promise.all(Array.from({ length: 300 }, () => generateKeyPair('Ed25519')))
    const rogue = await mesh.host()
    await RogueKad.start(rogue.host, { named: keys.map(({ publicKey }) => publicKey.toString()) })
    const b = await mesh.agent('edge-b')
    const e = await mesh.agent('edge-e', [b])
    const d = await mesh.agent('edge-d', [e])
    const a = await mesh.agent('edge-a', [d])
    a.book.apply(recordOf('edge-c', rogue, mesh))
    d.dht.start()
    await knows(e, d.record)

    expect(await a.lookup('edge-b')).toEqual(b.record)
    expect(new Set(a.dialled).size).toBeLessThanOrEqual(3)
  })

  it.each([
    ['nonsense', (stream: Stream) => void stream.send(Buffer.concat([Buffer.from([100]), randomBytes(100)]))],
    ['the announcement of 4 GiB', (stream: Stream) => void stream.send(Buffer.from('ffffffff0f', 'hex'))],
    ['a reset', (stream: Stream) => stream.abort(new Error('no'))],
    ['silence', () => {}],
  ])('is left with %s', async (_what, misbehave) => {
    await using mesh = await DhtMesh.create()
    const { host, key } = await mesh.host()
    await answering(host, misbehave)
    const a = await mesh.agent('edge-a')
    a.book.apply(recordOf('edge-c', { host, key }, mesh))
    const b = await mesh.agent('edge-b')

    expect(await a.lookup('edge-b')).toBeUndefined()
    a.book.apply((await mesh.agent('edge-d', [b])).record)
    a.dht.forgetFailures()
    expect(await a.lookup('edge-b')).toEqual(b.record)
  })

  it('is cut off when it sends more than an answer takes', async () => {
    await using mesh = await DhtMesh.create()
    const { host, key } = await mesh.host()
    let sent = 0
    await answering(host, (stream) => {
      // Announces 3 MiB.
      stream.send(Buffer.from('8080c001', 'hex'))
      const more = (): void => {
        for (let goesOn = true; goesOn && stream.status === 'open'; sent += 16_384)
          goesOn = stream.send(Buffer.alloc(16_384))
      }
      stream.addEventListener('drain', more)
      more()
    })
    const a = await mesh.agent('edge-a')
    a.book.apply(recordOf('edge-c', { host, key }, mesh))

    expect(await a.lookup('edge-b')).toBeUndefined()
    // What was under way: a window and a buffer.
    expect(sent).toBeLessThan(1_500_000)
  })
})

describe('who is no member', () => {
  it('gets no answer, and no question', async () => {
    await using mesh = await DhtMesh.create()
    const b = await mesh.agent('edge-b')
    const c = await mesh.agent('edge-c', [b])
    const { host } = await mesh.host()
    const stranger = await RogueKad.start(host)
    await stranger.use(await host.dial(addressOf(c), AbortSignal.timeout(5_000)))

    expect(await stranger.ask(keyOf(mesh, 'edge-b'))).toBe(0)
    expect(await stranger.put(keyOf(mesh, 'edge-b'), encodeValue(b.say({})))).toBe(0)
    expect(c.book.byPeerId(b.record.peerId)?.seq).toBe(1)

    let questions = 0
    await host.node.unhandle(DHT_PROTOCOL)
    await answering(host, () => questions++)
    await b[Symbol.asyncDispose]()
    expect(await c.lookup('edge-x')).toBeUndefined()
    expect(questions).toBe(0)
  })

  it('gets an answer once it is known to be a member', async () => {
    await using mesh = await DhtMesh.create()
    const b = await mesh.agent('edge-b')
    const c = await mesh.agent('edge-c', [b])
    const judged = Promise.withResolvers<void>()
    c.judging = judged.promise
    const a = await mesh.agent('edge-a', [c])
    const answer = a.lookup('edge-b')
    await until(() => c.host.node.getConnections().length > 0, 'A is connected to C')
    expect(a.book.size).toBe(1)
    judged.resolve()

    expect(await answer).toEqual(b.record)
  })
})

function addressOf({ record }: DhtAgent) {
  return multiaddr(`${record.direct[0]}/p2p/${record.peerId}`)
}

/** Serves the DHT's protocol by `misbehave`, once a question came. */
function answering(host: AgentHost, misbehave: (stream: Stream) => void): Promise<void> {
  return host.node.handle(DHT_PROTOCOL, (stream) => {
    stream.addEventListener('message', () => misbehave(stream), { once: true })
  })
}
