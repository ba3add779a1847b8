import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Connection, Stream } from '@libp2p/interface'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StreamDuplex } from '../../src/host/stream-duplex.ts'
import { pathOf } from '../../src/metrics.ts'
import { formatNatType, type Mapping, type NatType } from '../../src/nat-type.ts'
import { readFrame } from '../../src/protocol/frames.ts'
import {
  decodePunchMessage,
  encodePunchMessage,
  PUNCH_FRAMES,
  PUNCH_PROTOCOL,
  type PunchMessage,
} from '../../src/protocol/punch.ts'
import { linesOf, until } from '../small-mesh.ts'
import { DROPS, freePort, LETS_IN, PunchingNode, type PunchingNodeOptions, SYMMETRIC } from './punch-pair.ts'

const PUNCHES = 'edgeway_tunnel_punches_total'
const ECHO = '/test/echo/1.0.0'

let stack: AsyncDisposableStack
beforeEach(() => {
  stack = new AsyncDisposableStack()
})
afterEach(async () => stack.disposeAsync())

async function start(options?: PunchingNodeOptions): Promise<PunchingNode> {
  return stack.use(await PunchingNode.start(options))
}

interface Pair {
  readonly near: PunchingNode
  readonly far: PunchingNode
  /** From near to far. */
  readonly over: Connection
}

/** On loopback two SYNs never cross, so one side dials and the other one listens. */
async function pair(near: PunchingNodeOptions = {}, far: PunchingNodeOptions = {}): Promise<Pair> {
  const [one, two] = [await start({ type: SYMMETRIC, ...near }), await start({ type: LETS_IN, ...far })]
  return { near: one, far: two, over: await one.connect(two) }
}

function punchedTo(node: PunchingNode, peer: PunchingNode): Connection[] {
  return node.host.node
    .getConnections(peer.host.node.peerId)
    .filter((connection) => pathOf(connection) === 'punched')
}

function counted(node: PunchingNode, outcome: string, [nat, peerNat]: readonly [NatType, NatType]): number {
  return node.deps.metrics.value(PUNCHES, {
    outcome,
    nat: formatNatType(nat),
    peer_nat: formatNatType(peerNat),
  })
}

/** A stream of the protocol whose other end is a Puncher. */
async function signalling(over: Connection): Promise<StreamDuplex> {
  const stream = new StreamDuplex(await over.newStream(PUNCH_PROTOCOL))
  stream.on('error', () => {})
  return stream
}

async function nextMessage(stream: StreamDuplex): Promise<PunchMessage | undefined> {
  const frame = await readFrame(stream, PUNCH_FRAMES, AbortSignal.timeout(10_000))
  return frame === undefined ? undefined : decodePunchMessage(frame)
}

function offer(port: number, overrides: Partial<PunchMessage> = {}): Buffer {
  const mapping = { ip: '127.0.0.1', port }
  return encodePunchMessage({
    type: 'offer',
    version: 1,
    nat: SYMMETRIC,
    mapping,
    ...overrides,
  } as PunchMessage)
}

describe('a punch', () => {
  it('gives both sides a direct connection that carries bytes both ways', async () => {
    const { near, far, over } = await pair()
    await far.host.node.handle(ECHO, (stream: Stream) => {
      const duplex = new StreamDuplex(stream)
      duplex.pipe(duplex)
    })
    const result = await near.punch(far, over, LETS_IN)

    if (result.kind !== 'punched') throw new Error(result.message)
    const { connection } = result
    await until(() => punchedTo(far, near).length === 1, 'the other side has it, too')
    const [there] = punchedTo(far, near)
    expect([connection.direction, connection.direct]).toEqual(['outbound', true])
    expect([there?.direction, there?.direct]).toEqual(['inbound', true])
    const stream = new StreamDuplex(await connection.newStream(ECHO))
    stream.end(Buffer.alloc(1_000_000, 7))
    let back = 0
    for await (const chunk of stream) back += chunk.length
    expect(back).toBe(1_000_000)
  })

  it('is counted by both NATs and told in one line at each side', async () => {
    const { near, far, over } = await pair()
    await near.punch(far, over, LETS_IN)
    await until(() => linesOf(far.deps, LINE).length === 1, 'the other side says so, too')

    expect(linesOf(near.deps, LINE)).toHaveLength(1)
    expect(counted(near, 'punched', [SYMMETRIC, LETS_IN])).toBe(1)
    expect(counted(far, 'punched', [LETS_IN, SYMMETRIC])).toBe(1)
    expect(near.deps.metrics.value('edgeway_tunnel_punch_tries_total', { outcome: 'connected' })).toBe(1)
    expect([near.openReflections, far.openReflections]).toEqual([0, 0])
  })

  it('serves all who ask for it at the same time', async () => {
    const { near, far, over } = await pair()
    const results = await Promise.all([1, 2, 3].map(() => near.punch(far, over, LETS_IN)))
    const connections = results.map((result) => result.kind === 'punched' && result.connection)

    expect(new Set(connections).size).toBe(1)
    expect(near.reflections).toBe(1)
  })

  it('tells when a NAT has become another one', async () => {
    const reflect: PunchingNodeOptions['reflect'] = async () => ({
      ...{ localPort: await freePort(), mapping: { ip: '127.0.0.1', port: 9 }, natMapping: 'symmetric' },
      [Symbol.dispose]: () => {},
    })
    const { near, far, over } = await pair({ type: SYMMETRIC }, { type: LETS_IN, reflect })

    expect(await near.punch(far, over, LETS_IN)).toMatchObject({ reason: 'useless' })
    expect([near.wakes, far.wakes]).toEqual([0, 1])
  })

  it('is one only when both sides begin at the same time', async () => {
    const { near, far, over } = await pair()
    await until(() => far.host.node.getConnections().length === 1, 'both are connected')
    const [back] = far.host.node.getConnections()
    if (back === undefined) throw new Error('no connection')
    const results = await Promise.all([near.punch(far, over, LETS_IN), far.punch(near, back, SYMMETRIC)])

    expect(results.map(({ kind }) => kind)).toEqual(['punched', 'punched'])
    expect([punchedTo(near, far).length, punchedTo(far, near).length]).toEqual([1, 1])
  })

  it('ends soon when nobody wants it any more, and leaves nothing', async () => {
    const { near, far, over } = await pair({ reflect: (_, signal) => aborted(signal) })
    const giveUp = new AbortController()
    const punching = near.puncher.punch({ peerId: far.peerId, nat: LETS_IN }, over, giveUp.signal)
    giveUp.abort()

    expect(await punching).toMatchObject({ kind: 'failed', reason: 'aborted' })
  })

  it('ends when the node stops', async () => {
    const { near, far, over } = await pair({}, { reflect: (_, signal) => aborted(signal) })
    const punching = near.punch(far, over, LETS_IN)
    await until(() => near.reflections === 1, 'the offer is under way')
    await near.puncher[Symbol.asyncDispose]()

    expect(await punching).toMatchObject({ kind: 'failed', reason: 'aborted' })
    expect(near.openReflections).toBe(0)
  })
})

const LINE = 'punched a path through the NATs of both sides'

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

describe('a punch is not begun', () => {
  it('when both NATs keep each other out', async () => {
    const { near, far, over } = await pair()
    expect(near.puncher.obstacle({ peerId: far.peerId, nat: SYMMETRIC })).toBe('useless')
    expect(near.puncher.obstacle({ peerId: far.peerId, nat: DROPS })).toBe('useless')
    expect(await near.punch(far, over, SYMMETRIC)).toMatchObject({ reason: 'useless', tries: 0 })
    expect([near.reflections, far.reflections]).toEqual([0, 0])
  })

  it('without a reflector to ask', async () => {
    const { near, far, over } = await pair({ nat: { type: DROPS, reflectors: () => [], wake: () => {} } })
    expect(near.puncher.obstacle({ peerId: far.peerId, nat: LETS_IN })).toBe('no-reflector')
    expect(await near.punch(far, over, LETS_IN)).toMatchObject({ reason: 'no-reflector' })
  })

  it('when there is a better path', async () => {
    const { near, far, over } = await pair({ hasBetter: () => true })
    expect(await near.punch(far, over, LETS_IN)).toMatchObject({ reason: 'connected' })
  })
})

describe('a punch is refused', () => {
  it.each<[string, PunchingNodeOptions, [string, RegExp]]>([
    ['that has a better path', { hasBetter: () => true }, ['connected', /better path/]],
    ['whose NAT keeps this one out', { type: DROPS }, ['useless', /keep each other out/]],
    [
      'that no reflector answers',
      { reflect: () => Promise.reject(new Error('nobody')) },
      ['no-reflector', /no reflector answered/],
    ],
    [
      'that was told an address that is none of the internet',
      { isDialable: ({ ip }) => !ip.startsWith('127.') },
      [
        'bad-mapping',
        /field mapping is 127\.0\.0\.1 port \d+, expected a public address and a port above 1023/,
      ],
    ],
    [
      'that was told the address of somebody else',
      { peers: { natOf: () => undefined, isAt: (_, ip) => ip === '192.0.2.1' } },
      [
        'bad-mapping',
        /field mapping is 127\.0\.0\.1 port \d+, expected an egress address of the peer's record/,
      ],
    ],
  ])('by a peer %s', async (_what, options, [reason, why]) => {
    const { near, far, over } = await pair({}, options)
    const result = await near.punch(far, over, LETS_IN)

    expect(result).toMatchObject({ kind: 'failed', reason, message: expect.stringMatching(why), tries: 0 })
    expect([near.openReflections, far.openReflections]).toEqual([0, 0])
  })

  it('by a peer that knows nothing of punching', async () => {
    const { near, far, over } = await pair()
    await far.host.node.unhandle(PUNCH_PROTOCOL)
    expect(await near.punch(far, over, LETS_IN)).toMatchObject({ reason: 'unsupported-version' })
  })

  it('to whom is no member', async () => {
    const { near, far, over } = await pair({}, { members: { memberOf: async () => undefined } })
    expect(await near.punch(far, over, LETS_IN)).toMatchObject({ reason: 'signalling' })
    expect(far.reflections).toBe(0)
  })

  it('to whom offers too often', async () => {
    const { far, over } = await pair({}, { reflect: () => Promise.reject(new Error('nobody')) })
    const reasons: (string | undefined)[] = []
    for (let time = 0; time < 8; time++) {
      const stream = await signalling(over)
      stream.write(offer(await freePort()))
      const message = await nextMessage(stream)
      reasons.push(message?.type === 'refused' ? message.reason : message?.type)
      stream.end()
      await readToEnd(stream)
    }
    expect(reasons).toEqual([...Array.from({ length: 6 }, () => 'no-reflector'), 'busy', 'busy'])
    expect(far.openReflections).toBe(0)
  })

  it('to whom is punching already', async () => {
    const { over } = await pair({}, { reflect: (_, signal) => aborted(signal) })
    const [first, second] = [await signalling(over), await signalling(over)]
    first.write(offer(await freePort()))
    await new Promise((resolve) => setImmediate(resolve))
    second.write(offer(await freePort()))
    const answer = await Promise.race([nextMessage(first), nextMessage(second)])

    expect(answer).toMatchObject({ type: 'refused', reason: 'busy' })
  })

  it('in another version, with the number that was expected', async () => {
    const { over } = await pair()
    const stream = await signalling(over)
    stream.write(offer(await freePort(), { version: 2 }))

    expect(await nextMessage(stream)).toEqual({
      type: 'refused',
      reason: 'unsupported-version',
      message: 'field version is 2, expected 1',
    })
  })
})

describe('a member that tells the address of a third party', () => {
  let victim: Server
  let connections = 0
  beforeEach(async () => {
    connections = 0
    victim = createServer((socket) => {
      connections++
      socket.destroy()
    }).listen(0, '127.0.0.2')
    await once(victim, 'listening')
  })
  afterEach(() => void victim.close())

  const peers = { natOf: () => undefined, isAt: (_: string, ip: string) => ip === '127.0.0.1' }
  const mapping = (): Mapping => ({ ip: '127.0.0.2', port: (victim.address() as AddressInfo).port })

  it('in its offer makes nobody connect there, nor ask a reflector', async () => {
    const { far, over } = await pair({}, { peers })
    const stream = await signalling(over)
    stream.write(encodePunchMessage({ type: 'offer', version: 1, nat: SYMMETRIC, mapping: mapping() }))
    stream.write(encodePunchMessage({ type: 'go' }))

    expect(await nextMessage(stream)).toMatchObject({ type: 'refused', reason: 'bad-mapping' })
    await readToEnd(stream)
    expect([far.reflections, connections]).toEqual([0, 0])
  })

  it('in its answer makes nobody connect there', async () => {
    const { near, far, over } = await pair({ peers })
    await far.host.node.unhandle(PUNCH_PROTOCOL)
    await far.host.node.handle(PUNCH_PROTOCOL, async (libp2pStream: Stream) => {
      const stream = new StreamDuplex(libp2pStream)
      stream.on('error', () => {})
      await nextMessage(stream)
      stream.write(encodePunchMessage({ type: 'answer', nat: LETS_IN, mapping: mapping(), reflectMs: 1 }))
    })

    expect(await near.punch(far, over, LETS_IN)).toMatchObject({ reason: 'bad-mapping', tries: 0 })
    expect(connections).toBe(0)
  })
})

describe('whatever a peer sends', () => {
  it('is answered or reset, and the next punch succeeds', async () => {
    const { near, far, over } = await pair()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), { minLength: 1, maxLength: 3 }),
        async (chunks) => {
          const stream = await signalling(over)
          for (const chunk of chunks) stream.write(chunk)
          stream.end()
          await readToEnd(stream)
        },
      ),
      { numRuns: 50 },
    )
    expect(await near.punch(far, over, LETS_IN)).toMatchObject({ kind: 'punched' })
  })

  it('is refused by name when it can not be read', async () => {
    const { over } = await pair()
    const stream = await signalling(over)
    const bad = JSON.stringify({ type: 'offer', version: 1, nat: SYMMETRIC, mapping: { ip: 'x', port: 1 } })
    stream.write(Buffer.concat([Buffer.from([0, bad.length]), Buffer.from(bad)]))

    expect(await nextMessage(stream)).toMatchObject({
      reason: 'bad-request',
      message: 'field ip is "x", expected an IP address',
    })
  })
})

async function readToEnd(stream: StreamDuplex): Promise<void> {
  try {
    for await (const _ of stream);
  } catch {
    // It was reset.
  }
}

describe('a peer that dies', () => {
  const answer = encodePunchMessage({
    type: 'answer',
    nat: LETS_IN,
    mapping: { ip: '127.0.0.1', port: 9 },
    reflectMs: 1,
  })

  it.each<[string, (stream: StreamDuplex) => void, string]>([
    ['before its answer', () => {}, 'signalling'],
    ['after its answer', (stream) => void stream.write(answer), 'reset'],
    [
      'with something else than an answer',
      (stream) => void stream.write(encodePunchMessage({ type: 'go' })),
      'signalling',
    ],
  ])('%s ends the punch of who offered', async (_what, answerIn, reason) => {
    const { near, far, over } = await pair()
    await far.host.node.unhandle(PUNCH_PROTOCOL)
    await far.host.node.handle(PUNCH_PROTOCOL, async (libp2pStream: Stream) => {
      const stream = new StreamDuplex(libp2pStream)
      stream.on('error', () => {})
      await nextMessage(stream)
      answerIn(stream)
      stream.end()
      stream.resume()
    })

    const result = await near.punch(far, over, LETS_IN)
    expect(result).toMatchObject({ kind: 'failed' })
    expect(['signalling', reason]).toContain(result.kind === 'failed' && result.reason)
    expect(near.openReflections).toBe(0)
    expect(over.status).toBe('open')
  })

  it.each<[string, (stream: StreamDuplex, far: PunchingNode) => Promise<unknown>]>([
    ['after its offer', (_, far) => until(() => far.reflections === 1, 'the offer has come')],
    ['after the answer', nextMessage],
    [
      'after its go',
      async (stream) => {
        await nextMessage(stream)
        stream.write(encodePunchMessage({ type: 'go' }))
      },
    ],
  ])('%s leaves nothing at who answers', async (_what, goOn) => {
    const { near, far, over } = await pair()
    const stream = await signalling(over)
    stream.write(offer(await freePort()))
    await goOn(stream, far)
    stream.reset()

    await until(() => far.openReflections === 0 && far.reflections <= 1, 'nothing is left')
    await until(() => counted(far, 'signalling', [LETS_IN, SYMMETRIC]) === 1, 'it is counted')
    expect(await near.punch(far, over, LETS_IN)).toMatchObject({ kind: 'punched' })
  })

  it('as does its whole node, while both dial each other', async () => {
    const { near, far, over } = await pair({ type: DROPS }, { type: DROPS })
    const punching = near.punch(far, over, DROPS)
    await until(() => far.reflections === 1, 'the peer answers')
    await far.host.stop()

    expect(await punching).toMatchObject({ kind: 'failed' })
    expect(near.openReflections).toBe(0)
  })
})

it('somebody else at the address of the peer gets no connection', async () => {
  const { near, far, over } = await pair()
  const other = await start()
  const [address = ''] = other.host.listenAddresses().map(String)
  const port = Number(/tcp\/(\d+)/.exec(address)?.[1])
  await far.host.node.unhandle(PUNCH_PROTOCOL)
  await far.host.node.handle(PUNCH_PROTOCOL, async (libp2pStream: Stream) => {
    const stream = new StreamDuplex(libp2pStream)
    stream.on('error', () => {})
    await nextMessage(stream)
    const mapping = { ip: '127.0.0.1', port }
    stream.write(encodePunchMessage({ type: 'answer', nat: LETS_IN, mapping, reflectMs: 0 }))
    await nextMessage(stream)
    const result = await nextMessage(stream)
    stream.write(encodePunchMessage({ type: 'result', outcome: 'timeout' }))
    outcomes.push(result?.type === 'result' ? result.outcome : result?.type)
    stream.end()
  })
  const outcomes: (string | undefined)[] = []

  expect(await near.punch(far, over, LETS_IN)).toMatchObject({ kind: 'failed' })
  expect(outcomes).toEqual(['wrong-identity'])
  expect(punchedTo(near, far)).toEqual([])
  expect(near.deps.metrics.value('edgeway_tunnel_punch_tries_total', { outcome: 'wrong-identity' })).toBe(1)
})
