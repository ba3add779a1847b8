import { describe, expect, it } from 'vitest'
import { WaitingBytes, WaitingDatagrams } from './waiting-datagrams.ts'

describe('datagrams that wait for a connection', () => {
  it('are as many as come first, up to 32', () => {
    const waiting = new WaitingDatagrams(new WaitingBytes())

    const added = Array.from({ length: 33 }, (_, index) => waiting.add(Buffer.of(index)))

    expect(added.indexOf(false)).toBe(32)
    expect(waiting.take().map(([first]) => first)).toEqual(Array.from({ length: 32 }, (_, index) => index))
  })

  it('are 128 KiB at most', () => {
    const waiting = new WaitingDatagrams(new WaitingBytes())

    expect([65_507, 65_507, 100].map((size) => waiting.add(Buffer.alloc(size)))).toEqual([true, true, false])
  })

  it('are 16 MiB at most of all sessions, and make room when they go', () => {
    const ofAll = new WaitingBytes()
    const sessions = Array.from({ length: 256 }, () => new WaitingDatagrams(ofAll))
    const late = new WaitingDatagrams(ofAll)

    for (const session of sessions) session.add(Buffer.alloc(64 * 1024))
    expect(late.add(Buffer.alloc(4_096))).toBe(false)
    expect(late.add(Buffer.of(1)), 'a small first one needs no room').toBe(true)
    sessions[0]?.take()
    expect(late.add(Buffer.alloc(4_096))).toBe(true)
  })
})
