import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { afterEach, describe, expect, it } from 'vitest'
import { createServerMetrics } from '../../metrics.ts'
import type { Mapping } from '../../nat-type.ts'
import { encodeReflectionMessage, REFLECTION_VERSION } from '../../protocol/reflection.ts'
import { Reflector } from '../../server/reflector/reflector.ts'
import { cutSocket } from '../../sockets.ts'
import { openReflection, type ReflectorAddress, reflect } from './reflect.ts'

const HOST = '127.0.0.1'
const MAPPED = { ip: '203.0.113.7', port: 40_001 }
const never = new AbortController().signal

let stack = new AsyncDisposableStack()
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function realReflectors(host = HOST): Promise<ReflectorAddress[]> {
  const deps = { metrics: createServerMetrics(new MemoryMetrics()), logger: new MemoryLogger() }
  const reflector = stack.use(await Reflector.start({ host, ports: [0, 0] }, deps))
  return reflector.ports.map((port) => ({ host, port }))
}

/** A TCP server in a reflector's place. */
async function fakeReflector(
  serve: (socket: Socket) => void,
): Promise<ReflectorAddress & { server: Server }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    serve(socket)
  })
  stack.defer(() => {
    for (const socket of sockets) cutSocket(socket)
    server.close()
  })
  await once(server.listen(0, HOST), 'listening')
  return { host: HOST, port: (server.address() as AddressInfo).port, server }
}

/** One that tells everybody the same. */
function saying(mapping: Mapping): Promise<ReflectorAddress> {
  const you = encodeReflectionMessage({ type: 'you', version: REFLECTION_VERSION, mapping })
  return fakeReflector((socket) => void socket.write(you))
}

describe('a reflection', () => {
  it('tells of no NAT where the reflectors see the address that this host has', async () => {
    using reflection = await reflect(await realReflectors(), never)
    expect(reflection).toMatchObject({
      natMapping: 'none',
      mapping: { ip: HOST, port: reflection.localPort },
    })
  })

  it('asks both reflectors from one port', async () => {
    const ports: (number | undefined)[] = []
    const you = encodeReflectionMessage({ type: 'you', version: 1, mapping: MAPPED })
    const serve = (socket: Socket): void => {
      ports.push(socket.remotePort)
      socket.write(you)
    }
    using reflection = await reflect([await fakeReflector(serve), await fakeReflector(serve)], never)
    expect(ports).toEqual([reflection.localPort, reflection.localPort])
  })

  it.each([
    ['endpoint-independent', MAPPED, MAPPED],
    ['symmetric', MAPPED, { ...MAPPED, port: 40_002 }],
    ['symmetric', MAPPED, { ...MAPPED, ip: '203.0.113.8' }],
  ])('tells of a NAT that is %s by %j and %j', async (natMapping, first, second) => {
    using reflection = await reflect([await saying(first), await saying(second)], never)
    expect(reflection).toMatchObject({ natMapping, mapping: first })
  })

  it('tells the mapping, but not its kind, when one reflector answers', async () => {
    const gone = await fakeReflector(() => {})
    gone.server.close()
    using first = await reflect([await saying(MAPPED), gone], never)
    expect(first).toMatchObject({ natMapping: 'unknown', mapping: MAPPED })
    using second = await reflect([gone, await saying(MAPPED)], never)
    expect(second).toMatchObject({ natMapping: 'unknown', mapping: MAPPED })
  })

  it('tells of no NAT also when one reflector answers', async () => {
    const [only] = await realReflectors()
    using reflection = await reflect(only === undefined ? [] : [only], never)
    expect(reflection.natMapping).toBe('none')
  })

  it.each([
    ['speaks HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['tells no address', Buffer.from('\0\x32{"type":"you","version":1,"mapping":{"ip":"a.b"}}  ')],
    ['tells something else', encodeReflectionMessage({ type: 'called-back', outcome: 'connected' })],
  ])('does without a reflector that %s', async (_what, bytes) => {
    const odd = await fakeReflector((socket) => void socket.write(bytes))
    using reflection = await openReflection([odd, await saying(MAPPED)], never)
    expect(reflection).toMatchObject({ natMapping: 'unknown', mapping: MAPPED })
    expect(reflection.answered).toHaveLength(1)
  })

  it('does not wait for reflectors that are silent, or stop in the middle', async () => {
    const silent = await fakeReflector(() => {})
    const halting = await fakeReflector((socket) => void socket.write(Buffer.from([0, 30, 123])))
    using reflection = await openReflection([silent, halting, await saying(MAPPED)], never)
    expect(reflection).toMatchObject({ natMapping: 'unknown', mapping: MAPPED })
    expect(reflection.answered).toHaveLength(1)
  })

  it('does without a reflector whose name is unknown, and finds one by its name', async () => {
    const unknown = { host: 'reflector.invalid', port: 1 }
    const [named] = await realReflectors()
    const reflectors = [unknown, { host: 'localhost', port: named?.port ?? 0 }]
    using reflection = await openReflection(reflectors, never)
    expect(reflection.answered).toEqual([reflectors[1]])
  })

  it('is made over IPv6 where there is no other way', async () => {
    using reflection = await openReflection(await realReflectors('::1'), never)
    expect(reflection).toMatchObject({ natMapping: 'none', mapping: { ip: '::1' }, localHost: '::' })
  })

  it('fails when no reflector answers, and says which', async () => {
    const gone = await fakeReflector(() => {})
    gone.server.close()
    await expect(reflect([gone], never)).rejects.toMatchObject({
      code: 'ERR_NO_REFLECTOR',
      message: `no reflector answers: ${HOST} port ${gone.port}`,
    })
    await expect(reflect([], never)).rejects.toThrow('no reflector is known')
  })

  it('ends with its signal, and leaves nothing behind', async () => {
    const closed = Promise.withResolvers<void>()
    const silent = await fakeReflector((socket) => void socket.on('close', closed.resolve))
    const abort = new AbortController()
    silent.server.once('connection', () => abort.abort(new Error('enough')))

    await expect(reflect([silent], abort.signal)).rejects.toThrow('enough')
    await closed.promise
  })

  it('keeps its connections until it is disposed of, and resets them then', async () => {
    const events: string[] = []
    const ended = Promise.withResolvers<void>()
    const you = encodeReflectionMessage({ type: 'you', version: 1, mapping: MAPPED })
    const reflector = await fakeReflector((socket) => {
      socket.write(you)
      socket.on('end', () => events.push('end'))
      socket.on('error', ({ message }) => events.push(message))
      socket.on('close', ended.resolve)
    })
    const reflection = await reflect([reflector], never)
    expect(events).toEqual([])
    reflection[Symbol.dispose]()
    await ended.promise
    expect(events).toEqual(['read ECONNRESET'])
  })

  it('leaves its port to others to connect from, and to listen on', async () => {
    using reflection = await openReflection(await realReflectors(), never)
    const server = createServer((caller) => void caller.on('error', () => {}))
    stack.defer(() => void server.close())
    await once(server.listen(reflection.localPort, reflection.localHost), 'listening')

    expect(await reflection.callBack(never)).toBe('connected')
  })
})
