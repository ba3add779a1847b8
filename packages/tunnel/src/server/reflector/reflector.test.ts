import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { describe, expect, it, vi } from 'vitest'
import { createServerMetrics } from '../../metrics.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  decodeReflectionMessage,
  encodeReflectionMessage,
  REFLECTION_FRAMES,
  type ReflectionMessage,
} from '../../protocol/reflection.ts'
import { cutSocket } from '../../sockets.ts'
import { DEFAULT_REFLECTOR_LIMITS, Reflector, type ReflectorLimits } from './reflector.ts'

const HOST = '127.0.0.1'
const CALL_BACK = encodeReflectionMessage({ type: 'call-back' })
const REFUSALS = 'edgeway_tunnel_server_refusals_total'

/** A reflector, and who asks it. */
class World implements AsyncDisposable {
  readonly metrics = new MemoryMetrics()
  readonly logger = new MemoryLogger()
  readonly #stack = new AsyncDisposableStack()
  #reflector: Reflector | undefined

  static async start({
    host = HOST,
    ports = [0],
    ...limits
  }: Partial<ReflectorLimits> & { host?: string; ports?: number[] } = {}): Promise<World> {
    const world = new World()
    const { logger } = world
    const metrics = createServerMetrics(world.metrics)
    const deps = { metrics, logger, limits: { ...DEFAULT_REFLECTOR_LIMITS, ...limits } }
    world.#reflector = world.#stack.use(await Reflector.start({ host, ports }, deps))
    return world
  }

  get reflector(): Reflector {
    if (this.#reflector === undefined) throw new Error('not started')
    return this.#reflector
  }

  /** A connection to it that nothing was read from, from a port that can be listened on. */
  async connect(host = HOST, localAddress = host): Promise<Socket> {
    const [port = 0] = this.reflector.ports
    const socket = connect({ host, port, localAddress, localPort: 0 })
    this.#stack.defer(() => cutSocket(socket))
    socket.on('error', () => {})
    // One that is refused may be reset as soon as it is there.
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {})
    return socket
  }

  /** Listens on the port that a connection comes from. */
  async listen({ localPort, localAddress }: Socket): Promise<Server> {
    const server = createServer()
    this.#stack.defer(() => void server.close())
    server.listen(localPort, localAddress)
    await once(server, 'listening')
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** What is said next; `undefined` when the connection was closed instead. */
async function heard(socket: Socket): Promise<ReflectionMessage | undefined> {
  try {
    const frame = await readFrame(socket, REFLECTION_FRAMES, AbortSignal.timeout(10_000))
    return frame === undefined ? undefined : decodeReflectionMessage(frame)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') return undefined
    throw error
  }
}

async function untilClosed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once('close', () => resolve()).resume()
  if (!socket.closed) await promise
}

describe('a reflector', () => {
  it('tells each connection at once where it comes from', async () => {
    await using world = await World.start({ ports: [0, 0] })
    const [one, two] = [await world.connect(), await world.connect()]

    for (const socket of [one, two]) {
      const mapping = { ip: HOST, port: socket.localPort }
      expect(await heard(socket)).toEqual({ type: 'you', version: 1, mapping })
    }
    expect(world.reflector.ports).toHaveLength(2)
    expect(world.metrics.value('edgeway_tunnel_server_reflections_total')).toBe(2)
  })

  it('says an IPv4 address as such, also where it listens on IPv6', async () => {
    await using world = await World.start({ host: '::' })
    const socket = await world.connect()
    expect(await heard(socket)).toMatchObject({ mapping: { ip: HOST } })
    const overIpv6 = await world.connect('::1')
    expect(await heard(overIpv6)).toMatchObject({ mapping: { ip: '::1' } })
  })

  it('goes on without a port that is in use, and says so', async () => {
    await using first = await World.start()
    await using second = await World.start({ ports: [...first.reflector.ports, 0] })

    expect(second.reflector.ports).toHaveLength(1)
    expect(second.logger.lines).toMatchObject([{ level: 'error', fields: { error: { code: 'EADDRINUSE' } } }])
    await heard(await second.connect())
  })

  it('ends all connections when it stops', async () => {
    await using world = await World.start()
    const socket = await world.connect()
    await heard(socket)
    await world.reflector[Symbol.asyncDispose]()

    await untilClosed(socket)
  })

  it('ends a connection when its time is up, also one that reads nothing', async () => {
    await using world = await World.start({ connectionMs: 50 })
    await untilClosed(await world.connect())
  })

  it.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['an empty frame', Buffer.from([0, 0])],
    ['JSON of another kind', Buffer.from('\0\x02[]')],
    ['what only a reflector says', encodeReflectionMessage({ type: 'called-back', outcome: 'refused' })],
    ['nothing more', undefined],
  ])('ends a connection that says %s', async (_what, bytes) => {
    await using world = await World.start()
    const socket = await world.connect()
    await heard(socket)
    if (bytes === undefined) socket.end()
    else socket.write(bytes)

    await untilClosed(socket)
    await heard(await world.connect())
  })

  it('refuses more connections than it may have, and those of others not', async () => {
    await using world = await World.start({ connectionsPerAddress: 2, connections: 3 })
    const [first] = [await world.connect(), await world.connect()]
    await untilClosed(await world.connect())
    expect(world.metrics.value(REFUSALS, { reason: 'reflector-quota' })).toBe(1)

    await heard(await world.connect(HOST, '127.0.0.2'))
    await untilClosed(await world.connect(HOST, '127.0.0.3'))
    cutSocket(first)
    await vi.waitFor(async () => expect(await heard(await world.connect(HOST, '127.0.0.3'))).toBeDefined())
  })
})

describe('a call-back', () => {
  it('comes to the port of the asker, from another one, and lasts as long as the asker is there', async () => {
    await using world = await World.start()
    const socket = await world.connect()
    const listener = await world.listen(socket)
    await heard(socket)
    const called = once(listener, 'connection')
    socket.write(CALL_BACK)

    const [caller]: Socket[] = await called
    caller?.on('error', () => {})
    expect(await heard(socket)).toEqual({ type: 'called-back', outcome: 'connected' })
    expect(caller?.remoteAddress).toBe(HOST)
    expect(world.reflector.ports).not.toContain(caller?.remotePort)
    expect(caller?.destroyed).toBe(false)
    cutSocket(socket)
    if (caller !== undefined) await untilClosed(caller)
    expect(outcomes(world)).toEqual({ connected: 1, refused: 0, timeout: 0 })
  })

  it('is refused where nobody listens', async () => {
    await using world = await World.start()
    const socket = await world.connect()
    await heard(socket)
    socket.write(CALL_BACK)

    expect(await heard(socket)).toEqual({ type: 'called-back', outcome: 'refused' })
    expect(outcomes(world)).toEqual({ connected: 0, refused: 1, timeout: 0 })
  })

  it('is made once for each connection', async () => {
    await using world = await World.start()
    const socket = await world.connect()
    const listener = await world.listen(socket)
    let calls = 0
    listener.on('connection', (caller) => {
      calls++
      caller.on('error', () => {})
    })
    await heard(socket)
    socket.write(Buffer.concat([CALL_BACK, CALL_BACK, CALL_BACK]))

    expect(await heard(socket)).toMatchObject({ outcome: 'connected' })
    await untilClosed(socket)
    expect(calls).toBe(1)
  })

  it('that is under way ends with the asker', async () => {
    await using world = await World.start()
    const socket = await world.connect()
    await heard(socket)
    socket.write(CALL_BACK)
    cutSocket(socket)

    // There is room for others again, and nothing is left that would keep it from stopping.
    await world.reflector[Symbol.asyncDispose]()
    expect(world.logger.lines).toEqual([])
  })
})

function outcomes({ metrics }: World): Record<string, number> {
  const of = (outcome: string): number => metrics.value('edgeway_tunnel_server_call_backs_total', { outcome })
  return { connected: of('connected'), refused: of('refused'), timeout: of('timeout') }
}
