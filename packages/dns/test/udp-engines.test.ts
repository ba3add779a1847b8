/** What holds for UDP whichever engine reads and sends the datagrams. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { QueryContext } from '../src/handler.ts'
import type { RateVerdict } from '../src/listen/client-rate.ts'
import { batchEngine } from '../src/listen/udp/batch-listener.ts'
import { DGRAM_ENGINE } from '../src/listen/udp/dgram-listener.ts'
import { loadDatagramCalls } from '../src/listen/udp/libc.ts'
import type { UdpEngine, UdpListenerDeps } from '../src/listen/udp/udp-listener.ts'
import { MAX_QUERY_BYTES } from '../src/message.ts'
import { askOneUdp, askUdp } from './support/client.ts'

const MAX_DATAGRAM_BYTES = 65_507

type Respond = UdpListenerDeps['responder']['respond']

/** Sends back what it gets. */
const echo: Respond = (message) => message

/** A listener on loopback, what it was asked and what it counted. */
async function listen(engine: UdpEngine, respond: Respond = echo, { ip = '127.0.0.1', port = 0 } = {}) {
  const asked: { readonly message: Buffer; readonly context: QueryContext }[] = []
  const dropped: string[] = []
  const fatal: Error[] = []
  /** Of the next messages in turn; then all are answered. */
  const verdicts: RateVerdict[] = []
  const listener = await engine.listen(ip, port, {
    responder: {
      respond(message, context) {
        asked.push({ message, context })
        return respond(message, context)
      },
      truncate: (message) => Buffer.concat([message, Buffer.from(' is truncated')]),
    },
    limit: { take: () => verdicts.shift() ?? 'answer' },
    metrics: { dropped: (reason) => dropped.push(reason) },
    onFatal: (error) => fatal.push(error),
  })
  return {
    listener,
    address: { ip, port: listener.port },
    asked,
    dropped,
    fatal,
    verdicts,
    [Symbol.dispose]: () => listener.close(),
  }
}

/** Messages of two bytes, whose order `askUdp` restores. */
const numbered = (count: number, first = 0): Buffer[] =>
  Array.from({ length: count }, (_, index) => Buffer.from([(first + index) >> 8, (first + index) & 255]))

async function sendOnly({ ip, port }: { ip: string; port: number }, messages: readonly Buffer[]) {
  const socket: Socket = createSocket(isIPv6(ip) ? 'udp6' : 'udp4')
  for (const message of messages) await new Promise((resolve) => socket.send(message, port, ip, resolve))
  socket.close()
}

describe.each([DGRAM_ENGINE, batchEngine(await loadDatagramCalls())])('UDP by the engine $name', (engine) => {
  it.each(['127.0.0.1', '::1'])('answers at %s, and knows the client by its address', async (ip) => {
    using udp = await listen(engine, echo, { ip })

    expect(await askOneUdp(udp.address, Buffer.from('hello'))).toEqual(Buffer.from('hello'))
    expect(udp.asked.map(({ context }) => context)).toEqual([{ transport: 'udp', clientIp: ip }])
  })

  it('gives each of many clients the answers to its own queries', async () => {
    using udp = await listen(engine)
    const queries = [numbered(80, 0), numbered(80, 1_000)]

    expect(await Promise.all(queries.map((messages) => askUdp(udp.address, messages)))).toEqual(queries)
  })

  it('gives late answers to who asked, and keeps their queries as they were meanwhile', async () => {
    const gate = Promise.withResolvers<void>()
    using udp = await listen(engine, (message) =>
      message.length === 2 ? gate.promise.then(() => message) : message,
    )
    const late = [askUdp(udp.address, numbered(80, 0)), askUdp(udp.address, numbered(80, 1_000))]
    for (let count = 0; count < 100; count++)
      expect((await askOneUdp(udp.address, Buffer.alloc(50, count))).length).toBe(50)

    gate.resolve()
    expect(await Promise.all(late)).toEqual([numbered(80, 0), numbered(80, 1_000)])
  })

  it.each([0, 512, 1_231, 1_232, 1_233, 4_097, MAX_DATAGRAM_BYTES])(
    'sends answers of %i bytes',
    async (bytes) => {
      const answer = Buffer.alloc(bytes, 'answer')
      using udp = await listen(engine, (message) => (message.length === 1 ? answer : Promise.resolve(answer)))

      expect(await askOneUdp(udp.address, Buffer.alloc(1))).toEqual(answer)
      expect(await askOneUdp(udp.address, Buffer.alloc(2))).toEqual(answer)
    },
  )

  it('counts an answer that the system does not send, and goes on', async () => {
    using udp = await listen(engine, (message) =>
      message.length === 1 ? Buffer.alloc(MAX_DATAGRAM_BYTES + 1) : message,
    )

    const both = [Buffer.alloc(1), Buffer.from('hello')]
    expect(await askUdp(udp.address, both, 1)).toEqual([Buffer.from('hello')])
    expect(udp.dropped).toEqual(['send-failed'])
  })

  it('reads empty messages, whole ones up to the longest query, and of longer ones that they are longer', async () => {
    using udp = await listen(engine, () => Buffer.alloc(2))
    const longest = Buffer.alloc(MAX_QUERY_BYTES, 'query')
    await askUdp(udp.address, [Buffer.alloc(0), longest, Buffer.alloc(60_000)])

    expect(udp.asked[0]?.message).toEqual(Buffer.alloc(0))
    expect(udp.asked[1]?.message).toEqual(longest)
    expect(udp.asked[2]?.message.length).toBeGreaterThan(MAX_QUERY_BYTES)
  })

  it('truncates and drops what the limit of its client says', async () => {
    using udp = await listen(engine)
    udp.verdicts.push('truncate', 'drop', 'answer')

    expect(
      await askUdp(
        udp.address,
        ['one', 'two', 'three'].map((text) => Buffer.from(text)),
        2,
      ),
    ).toEqual(expect.arrayContaining([Buffer.from('one is truncated'), Buffer.from('three')]))
    expect(udp.asked.map(({ message }) => String(message))).toEqual(['three'])
  })

  it('goes on after clients that are gone before their answers', async () => {
    using udp = await listen(engine)
    for (let client = 0; client < 20; client++) await sendOnly(udp.address, numbered(3))

    expect(await askOneUdp(udp.address, Buffer.from('hello'))).toEqual(Buffer.from('hello'))
    expect(udp.fatal).toEqual([])
  })

  it('says why an address can not be bound', async () => {
    using udp = await listen(engine)

    await expect(listen(engine, echo, udp.address)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(listen(engine, echo, { ip: '192.0.2.1' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
    await expect(listen(engine, echo, { ip: '2001:db8::1' })).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    })
  })

  it('takes nothing more when it drains, but answers what is in work; then the port is free', async () => {
    const gate = Promise.withResolvers<void>()
    const isAsked = Promise.withResolvers<void>()
    using udp = await listen(engine, async (message) => {
      isAsked.resolve()
      await gate.promise
      return message
    })
    const answer = askOneUdp(udp.address, Buffer.from('in work'))
    await isAsked.promise
    const drained = udp.listener.drain()
    await sendOnly(udp.address, [Buffer.from('too late')])
    gate.resolve()

    await drained
    udp.listener.close()
    udp.listener.close()
    expect(await answer).toEqual(Buffer.from('in work'))
    expect(udp.asked).toHaveLength(1)
    using _next = await listen(engine, echo, udp.address)
  })

  it('loses answers that come after its end', async () => {
    const gate = Promise.withResolvers<void>()
    const isAsked = Promise.withResolvers<void>()
    using udp = await listen(engine, async (message) => {
      isAsked.resolve()
      await gate.promise
      return message
    })
    const client = createSocket('udp4')
    client.bind(0, '127.0.0.1')
    await once(client, 'listening')
    client.send('hello', udp.address.port, udp.address.ip)
    await isAsked.promise
    udp.listener.close()
    using next = await listen(engine, () => Buffer.from('next'), udp.address)
    gate.resolve()
    client.send('hello', next.address.port, next.address.ip)

    expect(String((await once(client, 'message'))[0])).toBe('next')
    client.close()
    expect([udp.fatal, udp.dropped]).toEqual([[], []])
  })
})
