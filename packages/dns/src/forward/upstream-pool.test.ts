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
    expect(pool.failed(a)).toBe(false)
    expect(pool.inOrder()).toEqual([a, b, c])
    expect(pool.failed(a)).toBe(true)
    expect(pool.inOrder()).toEqual([b, c, a])
    expect(pool.succeeded(a)).toBe(true)
    expect(pool.inOrder()).toEqual([a, b, c])
  })

  it('forgives a failure that an answer followed', () => {
    const pool = poolOf(a, b)
    pool.failed(a)
    pool.succeeded(a)
    pool.failed(a)
    expect(pool.inOrder()).toEqual([a, b])
  })

  it('does not ask an upstream that loops, however it fails or is replaced, until it is told better', () => {
    const pool = poolOf(a, b)
    expect([pool.looped(a), pool.looped(a)]).toEqual([true, false])
    pool.failed(a)
    pool.failed(a)
    pool.replace([{ ...a }, b])
    expect(pool.inOrder()).toEqual([b])

    pool.silent(a)
    expect(pool.inOrder()).toEqual([b, a])
  })

  it('tells only of changes', () => {
    const pool = poolOf(a)
    pool.failed(a)
    expect([pool.failed(a), pool.failed(a), pool.succeeded(a), pool.succeeded(a)]).toEqual([
      true,
      false,
      true,
      false,
    ])
  })

  it('remembers the failures of upstreams that stay when others come or go', () => {
    const pool = poolOf(a, b)
    pool.failed(a)
    pool.failed(a)
    pool.replace([{ ...a }, c])
    expect(pool.inOrder()).toEqual([c, a])
    expect(pool.stateOf(b)).toBeUndefined()
  })
})
