import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { UsedPeers } from './used-peers.ts'
import type { PeerPaths } from './ways/candidates.ts'

const PEER = { peerId: 'edge-2' } as PeerPaths

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('a peer is in use for a minute after a call, and as long as flows to it are open', () => {
  let hasFlows = true
  const used = new UsedPeers(() => hasFlows)
  used.called(PEER)
  vi.advanceTimersByTime(600_000)
  expect(used.review()).toEqual([])

  hasFlows = false
  used.called(PEER)
  vi.advanceTimersByTime(59_999)
  expect(used.review()).toEqual([])
  vi.advanceTimersByTime(1)
  expect(used.review()).toEqual(['edge-2'])
  expect(used.all()).toEqual([])
})

it('a call is news when the peer was not in use, or is known by another record', () => {
  const used = new UsedPeers(() => false)
  const other = { ...PEER }

  expect([used.called(PEER), used.called(PEER), used.called(other)]).toEqual([true, false, true])
  expect(used.changed(PEER)).toBe(true)
  expect(used.called(PEER)).toBe(false)
  used.forget('edge-2')
  expect(used.changed(PEER)).toBe(false)
})
