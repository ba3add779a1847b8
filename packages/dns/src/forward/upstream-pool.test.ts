import { describe, expect, it } from 'vitest'
import type { Upstream } from './upstream.ts'
import { UpstreamPool } from './upstream-pool.ts'

const [a, b, c] = ['a', 'b', 'c'].map((name): Upstream => ({ ip: '192.0.2.1', port: 53, name })) as [
  Upstream,
  Upstream,
  Upstream,
]

function poolOf(...upstreams: readonly Upstream[]): UpstreamPool {
  const pool = new UpstreamPool(5_000)
  pool.replace(upstreams)
  return pool
}

describe('UpstreamPool', () => {
  it('keeps the order of preference while all answer', () => {
    expect(poolOf(a, b, c).inOrder(0)).toEqual([a, b, c])
  })

  it('asks an upstream that failed twice in a row after all others, but still asks it', () => {
    const pool = poolOf(a, b, c)
    expect(pool.failed(a, 0)).toBe(false)
    expect(pool.inOrder(0)).toEqual([a, b, c])
    expect(pool.failed(a, 0)).toBe(true)
    expect(pool.inOrder(0)).toEqual([b, c, a])
  })

  it('forgives a failure that an answer followed', () => {
    const pool = poolOf(a, b)
    pool.failed(a, 0)
    pool.succeeded(a)
    pool.failed(a, 0)
    expect(pool.inOrder(0)).toEqual([a, b])
  })

  it('sends one query to probe an upstream whose hold-off is over, and no second one until that is clear', () => {
    const pool = poolOf(a, b)
    pool.failed(a, 0)
    pool.failed(a, 0)

    expect(pool.inOrder(4_999)).toEqual([b, a])
    expect(pool.inOrder(5_000)).toEqual([a, b])
    expect(pool.inOrder(5_001)).toEqual([b, a])
    expect(pool.succeeded(a)).toBe(true)
    expect(pool.inOrder(5_002)).toEqual([a, b])
  })

  it('tells only of changes', () => {
    const pool = poolOf(a)
    pool.failed(a, 0)
    expect([pool.failed(a, 0), pool.failed(a, 1), pool.succeeded(a), pool.succeeded(a)]).toEqual([
      true,
      false,
      true,
      false,
    ])
  })

  it('remembers the failures of upstreams that stay when others come or go', () => {
    const pool = poolOf(a, b)
    pool.failed(a, 0)
    pool.failed(a, 0)
    pool.replace([{ ...a }, c])
    expect(pool.inOrder(1).map(({ name }) => name)).toEqual(['c', 'a'])
  })
})
