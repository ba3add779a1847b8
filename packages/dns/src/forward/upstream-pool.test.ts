import { describe, expect, it } from 'vitest'
import { upstreamAt } from './upstream.ts'
import { UpstreamPool } from './upstream-pool.ts'

const a = upstreamAt('192.0.2.1', 53)
const b = upstreamAt('192.0.2.2', 53)
const c = upstreamAt('192.0.2.3', 53)

function poolOf(...upstreams: Parameters<UpstreamPool['replace']>[0]): UpstreamPool {
  const pool = new UpstreamPool()
  pool.replace(upstreams)
  return pool
}

describe('UpstreamPool', () => {
  it('keeps the order of preference while all answer', () => {
    expect(poolOf(a, b, c).inOrder()).toEqual([a, b, c])
  })

  it('asks an upstream that failed twice in a row after all others, but still asks it', () => {
    const pool = poolOf(a, b, c)
    expect(pool.failed(a, 2)).toBe(false)
    expect(pool.inOrder()).toEqual([a, b, c])
    expect(pool.failed(a, 2)).toBe(true)
    expect(pool.inOrder()).toEqual([b, c, a])
    expect(pool.succeeded(a, 1)).toBe(true)
    expect(pool.inOrder()).toEqual([a, b, c])
  })

  it('forgives a failure that an answer followed', () => {
    const pool = poolOf(a, b)
    pool.failed(a, 2)
    pool.succeeded(a, 1)
    pool.failed(a, 2)
    expect(pool.inOrder()).toEqual([a, b])
  })

  it('forgives any number of names without an answer while it answers others', () => {
    const pool = poolOf(a, b)
    pool.succeeded(a, 5)
    for (let count = 0; count < 10; count++) expect(pool.failed(a, 4)).toBe(false)
    expect(pool.inOrder()).toEqual([a, b])
    expect([pool.failed(a, 6), pool.failed(a, 6)]).toEqual([false, true])
  })

  it('does not ask an upstream that loops, however it fails or is replaced, until it is told better', () => {
    const pool = poolOf(a, b)
    expect([pool.looped(a), pool.looped(a)]).toEqual([true, false])
    pool.failed(a, 2)
    pool.failed(a, 2)
    pool.replace([{ ...a }, b])
    expect(pool.inOrder()).toEqual([b])

    pool.silent(a)
    expect(pool.inOrder()).toEqual([b, a])
  })

  it('tells only of changes', () => {
    const pool = poolOf(a)
    pool.failed(a, 2)
    expect([pool.failed(a, 2), pool.failed(a, 2), pool.succeeded(a, 1), pool.succeeded(a, 1)]).toEqual([
      true,
      false,
      true,
      false,
    ])
  })

  it('remembers the failures of upstreams that stay when others come or go', () => {
    const pool = poolOf(a, b)
    pool.failed(a, 2)
    pool.failed(a, 2)
    pool.replace([{ ...a }, c])
    expect(pool.inOrder()).toEqual([c, a])
    expect(pool.stateOf(b)).toBeUndefined()
  })
})
