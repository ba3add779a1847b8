import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { FirstBytes } from './first-bytes.ts'

/** A stream that is looked into, its other end, and what was told. */
function looked() {
  const [stream, other] = duplexPair()
  const told: [string, boolean][] = []
  let closed = 0
  const waiting: (() => void)[] = []
  const happened = (): void => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  const first = new FirstBytes(stream, {
    onBytes: (bytes, hasEnded) => {
      told.push([String(bytes), hasEnded])
      happened()
    },
    onClosed: () => {
      closed += 1
      happened()
    },
  })
  const next = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))
  return { stream, other, told, first, next, closed: () => closed }
}

describe('FirstBytes', () => {
  it('tells each time of all that came so far, and leaves it in the stream', async () => {
    const { stream, other, told, first, next } = looked()
    other.write('one')
    await next()
    other.write(' two')
    await next()
    other.end(' three')
    while (told.at(-1)?.[1] !== true) await next()
    first[Symbol.dispose]()

    expect(told[0]).toEqual(['one', false])
    expect(told[1]).toEqual(['one two', false])
    expect(told.at(-1)).toEqual(['one two three', true])
    expect(await text(stream)).toBe('one two three')
  })

  it('tells of what came before', async () => {
    const [stream, other] = duplexPair()
    other.end('early')
    await once(stream, 'readable')
    const told = await new Promise((resolve) => {
      new FirstBytes(stream, { onBytes: (...all) => resolve(all), onClosed: () => {} })
    })

    expect(told).toEqual([Buffer.from('early'), true])
    expect(await text(stream)).toBe('early')
  })

  it('tells of what a reader before has left, also when that one has looked away only just now', async () => {
    const [stream, other] = duplexPair()
    other.write('answer, greeting')
    await new Promise<void>((resolve) => stream.on('readable', resolve))
    stream.removeAllListeners('readable')
    expect(String(stream.read('answer, '.length))).toBe('answer, ')
    const told = await new Promise((resolve) => {
      new FirstBytes(stream, { onBytes: (...all) => resolve(all), onClosed: () => {} })
    })

    expect(told).toEqual([Buffer.from('greeting'), false])
  })

  it('tells of an end that came without a byte, and of one that was read before', async () => {
    const { other, told, next } = looked()
    other.end()
    await next()
    expect(told).toEqual([['', true]])

    const [stream, end] = duplexPair()
    end.end()
    await once(stream.resume(), 'end')
    const late = await new Promise((resolve) => {
      new FirstBytes(stream, { onBytes: (...all) => resolve(all), onClosed: () => {} })
    })
    expect(late).toEqual([Buffer.alloc(0), true])
  })

  it('does not tell the same twice', async () => {
    const { other, told, next } = looked()
    other.write('once')
    await next()
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))

    expect(told).toEqual([['once', false]])
  })

  it('tells that the stream has died, once', async () => {
    const { stream, closed, next } = looked()
    stream.destroy(new Error('reset'))
    await next()

    expect(closed()).toBe(1)
  })

  it('tells nothing any more once it is disposed', async () => {
    const { stream, other, told, first, closed } = looked()
    first[Symbol.dispose]()
    other.write('late')
    const [bytes] = await once(stream, 'data')
    stream.destroy()
    await once(stream, 'close')

    expect(String(bytes)).toBe('late')
    expect(told).toEqual([])
    expect(closed()).toBe(0)
  })
})
