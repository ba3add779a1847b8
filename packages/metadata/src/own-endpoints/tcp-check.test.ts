import { readdirSync } from 'node:fs'
import { startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { type Connect, checkTargets, connectTcp, type TcpTarget } from './tcp-check.ts'

const LIMITS = { connectTimeoutMs: 5_000, maxConcurrentChecks: 4 }
const never = new AbortController().signal

function targets(...all: readonly TcpTarget[]): Map<string, TcpTarget> {
  return new Map(all.map((target) => [`${target.ip} ${target.port}`, target]))
}

describe('checkTargets', () => {
  it('tells who accepts from who refuses, and leaves no socket behind', async () => {
    const ends: string[] = []
    await using server = await startTcpEndpoint((socket) => {
      socket.on('error', () => ends.push('reset'))
      socket.on('end', () => {
        ends.push('ended')
        socket.end()
      })
      socket.resume()
    })
    const closed = await startTcpEndpoint(() => {})
    const { port: refusing } = closed.endpoint
    await closed[Symbol.asyncDispose]()
    const { ip, port } = server.endpoint
    const before = openDescriptors()

    for (let round = 0; round < 20; round++) {
      const results = await checkTargets(targets({ ip, port }, { ip, port: refusing }), LIMITS, {
        connect: connectTcp,
        stop: never,
      })
      expect([...results.values()]).toEqual(['accepted', 'refused'])
    }

    await expect.poll(() => ends).toEqual(Array.from({ length: 20 }, () => 'ended'))
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before)
  })

  it('has no more sockets than allowed, and asks for all', async () => {
    let open = 0
    let most = 0
    const asked: number[] = []
    const connect: Connect = async ({ port }) => {
      asked.push(port)
      open += 1
      most = Math.max(most, open)
      await new Promise((resolve) => setImmediate(resolve))
      open -= 1
    }
    const many = Array.from({ length: 50 }, (_, index) => ({ ip: '127.0.0.1', port: index + 1 }))
    const results = await checkTargets(targets(...many), LIMITS, { connect, stop: never })

    expect(most).toBe(4)
    expect(asked).toEqual(many.map(({ port }) => port))
    expect(new Set(results.values())).toEqual(new Set(['accepted']))
  })

  it('counts one that does not answer in time as silent', async () => {
    const results = await checkTargets(
      targets({ ip: '127.0.0.1', port: 9 }),
      { ...LIMITS, connectTimeoutMs: 1 },
      { connect: hang, stop: never },
    )

    expect([...results.values()]).toEqual(['silent'])
  })

  it('counts failures of its own process for nothing', async () => {
    const connect: Connect = () =>
      Promise.reject(Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' }))
    const results = await checkTargets(targets({ ip: '127.0.0.1', port: 9 }), LIMITS, {
      connect,
      stop: never,
    })

    expect([...results.values()]).toEqual(['untold'])
  })

  it('reads an answer that came while the process was held up for longer than the time limit', async () => {
    await using server = await startTcpEndpoint((socket) => void socket.resume())
    const { ip, port } = server.endpoint
    // After immediates the event loop has timers first, then sockets.
    await new Promise((resolve) => setImmediate(resolve))
    const checked = checkTargets(
      targets({ ip, port }),
      { ...LIMITS, connectTimeoutMs: 5 },
      { connect: connectTcp, stop: never },
    )
    // The connect itself begins with the next tick, before this one.
    process.nextTick(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50))

    expect([...(await checked).values()]).toEqual(['accepted'])
  })

  it('stops at once, with nothing told of what was not done', async () => {
    const stop = new AbortController()
    const many = Array.from({ length: 10 }, (_, index) => ({ ip: '127.0.0.1', port: index + 1 }))
    const checked = checkTargets(targets(...many), LIMITS, { connect: hang, stop: stop.signal })
    stop.abort()

    expect([...(await checked).values()]).toEqual(many.map(() => 'untold'))
  })
})

const hang: Connect = (_target, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

/** Of this process; the server's ends of connections are among them. */
function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}
