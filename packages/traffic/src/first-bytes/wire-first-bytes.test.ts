import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { Wires } from '../wire/wires.ts'
import { WireFirstBytes } from './wire-first-bytes.ts'

/** Pairs of connected sockets: of one that is accepted, and of its client. */
async function sockets(): Promise<() => Promise<readonly [Socket, Socket]>> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : expect.fail()
  return async () => {
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const accepted = once(server, 'connection')
    await once(client, 'connect')
    const [socket] = await accepted
    onTestFinished(() => {
      client.destroy()
      socket.destroy()
    })
    return [socket, client] as const
  }
}

/** Looks at a connection; `until` waits for what is told. */
function looked(socket: Socket, wires: Wires) {
  const told: [string, boolean][] = []
  const first =
    WireFirstBytes.of(
      socket,
      {
        onBytes: (bytes, hasEnded) => void told.push([String(bytes), hasEnded]),
        onClosed: () => void told.push(['closed', true]),
      },
      wires,
    ) ?? expect.fail()
  const until = (words: string, hasEnded = false): Promise<void> =>
    expect.poll(() => told.at(-1)).toEqual([words, hasEnded])
  return { first, until }
}

it('tells each time of all that came so far, whatever others read meanwhile, and leaves it in the socket', async () => {
  const wires = await Wires.start({ engine: 'auto' })
  const pair = await sockets()
  const [one, oneClient] = await pair()
  const [other, otherClient] = await pair()
  const looksAtOne = looked(one, wires)
  const looksAtOther = looked(other, wires)

  oneClient.write('one')
  await looksAtOne.until('one')
  otherClient.write('other')
  await looksAtOther.until('other')
  oneClient.write(' two')
  await looksAtOne.until('one two')
  oneClient.end(' three')
  await looksAtOne.until('one two three', true)
  looksAtOne.first[Symbol.dispose]()

  expect(await text(one)).toBe('one two three')
})

it('hands the wire over, with what came', async () => {
  const wires = await Wires.start({ engine: 'auto' })
  const [socket, client] = await (await sockets())()
  const { first, until } = looked(socket, wires)
  client.write('GET')
  await until('GET')

  const { wire, unread } = first.handOver()
  first[Symbol.dispose]()
  expect(String(unread)).toBe('GET')
  const more = Promise.withResolvers<string>()
  wire.events = { onBytes: (bytes) => more.resolve(String(bytes)), onDrain() {}, onEnd() {}, onClosed() {} }
  client.write(' / HTTP/1.1')
  expect(await more.promise).toBe(' / HTTP/1.1')
})

it('tells that the connection broke', async () => {
  const wires = await Wires.start({ engine: 'auto' })
  const [socket, client] = await (await sockets())()
  const { until } = looked(socket, wires)

  client.resetAndDestroy()

  await until('closed', true)
})

it('has nothing to do with connections that are to be read by their streams, or were read already', async () => {
  const [socket, client] = await (await sockets())()
  const events = { onBytes() {}, onClosed() {} }
  expect(WireFirstBytes.of(socket, events, await Wires.start({ engine: 'stream' }))).toBeUndefined()

  client.write('early')
  await once(socket, 'readable')
  expect(WireFirstBytes.of(socket, events, await Wires.start({ engine: 'auto' }))).toBeUndefined()
})
