import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { fstatSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, it, vi } from 'vitest'
import { batchEngine } from './batch-listener.ts'
import { type DatagramCalls, loadDatagramCalls } from './libc.ts'

const calls = await loadDatagramCalls()

/** A listener that sends back what it gets by calls some of which are other than the system's, and a client of it. */
async function listen(others: Partial<DatagramCalls>) {
  const dropped: string[] = []
  const fatal: Error[] = []
  const answers: string[] = []
  const listener = await batchEngine({ ...calls, ...others }).listen('127.0.0.1', 0, {
    responder: { respond: (message) => message, truncate: () => undefined },
    limit: { take: () => 'answer' },
    metrics: { dropped: (reason) => dropped.push(reason) },
    onFatal: (error) => fatal.push(error),
  })
  const client: Socket = createSocket('udp4')
  client.on('message', (message) => answers.push(String(message)))
  client.connect(listener.port, '127.0.0.1')
  await once(client, 'connect')
  return {
    listener,
    dropped,
    fatal,
    answers,
    send: (...messages: string[]) =>
      Promise.all(messages.map((message) => new Promise((resolve) => client.send(message, resolve)))),
    [Symbol.dispose]() {
      listener.close()
      client.close()
    },
  }
}

describe('a listener by batches', () => {
  it('counts each answer that the kernel does not take, and sends the others', async () => {
    let refusals = 2
    using udp = await listen({
      sendmmsg: (...parameters) => (refusals-- > 0 ? -1 : calls.sendmmsg(...parameters)),
    })
    await udp.send('1', '2', '3', '4')

    await vi.waitFor(() => expect(udp.answers).toEqual(['3', '4']))
    expect(udp.dropped).toEqual(['send-failed', 'send-failed'])
  })

  it('sends the rest where the kernel takes fewer than it was given', async () => {
    using udp = await listen({
      sendmmsg: (descriptor, messages) => calls.sendmmsg(descriptor, messages, 1, 0),
    })
    await udp.send('1', '2', '3', '4')

    await vi.waitFor(() => expect(udp.answers).toEqual(['1', '2', '3', '4']))
    expect(udp.dropped).toEqual([])
  })

  it('counts a query without a source port, which nobody can be answered at', async () => {
    using udp = await listen({
      recvmmsg(descriptor, messages, ...others) {
        const count = calls.recvmmsg(descriptor, messages, ...others)
        // 32 headers of 64 bytes and 32 vectors of 16 come before the addresses.
        messages.writeUInt16BE(0, 32 * (64 + 16) + 2)
        return count
      },
    })
    await udp.send('1')

    await vi.waitFor(() => expect(udp.dropped).toEqual(['no-source-port']))
  })

  it('leaves others their turn, however many queries there are', async () => {
    let read = 0
    using udp = await listen({
      recvmmsg(_descriptor, _messages, count) {
        read++
        return count
      },
      sendmmsg: (_descriptor, _messages, count) => count,
    })
    await udp.send('never read')
    for (let turn = 0; turn < 20; turn++) {
      const before = read
      await new Promise((resolve) => setImmediate(resolve))
      expect(read - before).toBeLessThanOrEqual(4)
    }
    expect(read).toBeGreaterThan(0)
  })

  it('takes no harm of what passes, and tells of what does not', async () => {
    const { EAGAIN, ECONNREFUSED, EBADF } = constants.errno
    const errors = [EAGAIN, ECONNREFUSED, EBADF]
    using udp = await listen({ recvmmsg: () => -1, errno: () => errors.shift() ?? EBADF })
    await udp.send('1')

    await vi.waitFor(() => expect(udp.fatal).toMatchObject([{ code: 'EBADF' }]))
    expect(errors).toEqual([])
  })

  it('reads in a turn of Node, which looks after promises, not in that of the poll, which does not', async () => {
    let readable: ((status: number) => void) | undefined
    let read = 0
    using _udp = await listen({
      poll(_descriptor, callback) {
        readable = callback
        return { close: () => undefined }
      },
      recvmmsg(...parameters) {
        read++
        return calls.recvmmsg(...parameters)
      },
    })
    readable?.(0)
    expect(read).toBe(0)
    await new Promise((resolve) => setImmediate(resolve))
    expect(read).toBe(1)
  })

  it('tells of a socket that can not be polled any more, once', async () => {
    let readable: ((status: number) => void) | undefined
    using udp = await listen({
      poll(_descriptor, callback) {
        readable = callback
        return { close: () => undefined }
      },
    })
    readable?.(-9)

    expect(udp.fatal).toMatchObject([{ name: 'SystemCallError', code: 'EBADF' }])
  })

  it('gives its descriptor back, also where it can not be bound', async () => {
    const opened: number[] = []
    const socket: DatagramCalls['socket'] = (...parameters) => {
      opened.push(calls.socket(...parameters))
      return opened.at(-1) ?? -1
    }
    using udp = await listen({ socket })
    udp.listener.close()
    const errno = () => constants.errno.EACCES
    await expect(listen({ socket, errno, bind: () => -1 })).rejects.toThrow('bind')
    await expect(listen({ socket, errno, getsockname: () => -1 })).rejects.toThrow('getsockname')

    expect(opened).toHaveLength(3)
    for (const descriptor of opened) expect(() => fstatSync(descriptor)).toThrow('EBADF')
  })
})
