import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TunnelPath } from '../../../metrics.ts'
import { UNKNOWN_NAT } from '../../../nat-type.ts'
import type { OpenPath } from '../open/open-paths.ts'
import type { PunchOutcome } from '../path-ports.ts'
import type { PeerPaths } from '../ways/candidates.ts'
import { Ways } from '../ways/ways.ts'
import { Attempts } from './attempts.ts'
import { Improvement } from './improvement.ts'
import { LeftAlone } from './left-alone.ts'

const NEIGHBOUR = '/ip4/192.168.7.9/tcp/20008'
const LAN = '/ip4/192.168.1.11/tcp/20008'
const DIRECT = '/ip4/45.80.0.9/tcp/20008'
const [RELAY_1, RELAY_2] = ['relay-1', 'relay-2'].map((peerId, index) => ({
  ...{ peerId, rttMs: 90 - 40 * index },
  address: multiaddr(`/ip4/45.80.0.7${index}/tcp/20006`),
  isSuspect: false,
}))

/** The ways of one node to peers, of which the test says what comes of each attempt. */
class World {
  readonly tried: string[] = []
  readonly refuted: string[] = []
  readonly punching = Promise.withResolvers<PunchOutcome>()
  readonly leftAlone = new LeftAlone(30_000)
  readonly egress = ['45.80.0.1']
  obstacle: 'useless' | undefined
  fail: 'unreachable' | 'wrong-identity' | undefined
  readonly improvement: Improvement
  readonly #stopping = new AbortController()

  constructor() {
    const neighbours = {
      addressesOf: () => [NEIGHBOUR],
      refuted: (_peerId: string, address: string) => void this.refuted.push(address),
    }
    const ways = new Ways({
      ...{ neighbours, usePrivateAddresses: false, egress: () => this.egress, listening: () => new Set() },
      relays: () => [RELAY_1, RELAY_2].filter((relay) => relay !== undefined),
    })
    const dial = (address: { toString(): string }, peerId: string): Promise<Connection> => {
      this.tried.push(address.toString())
      if (this.fail === undefined) return new Promise(() => {})
      this.leftAlone.failed(peerId, address.toString(), this.fail)
      return Promise.reject(new Error(this.fail))
    }
    const leftAlone = this.leftAlone
    const dialer = { dialDirect: dial, dialRelayed: dial }
    const puncher = {
      obstacle: () => this.obstacle,
      punch: () => {
        this.tried.push('punch')
        return this.punching.promise
      },
    }
    this.improvement = new Improvement({
      ...{ ways, leftAlone, puncher, stopping: this.#stopping.signal, failed: () => {} },
      attempts: new Attempts({ dialer, leftAlone, neighbours }),
    })
  }

  round(...kinds: TunnelPath[]): string[] {
    const before = this.tried.length
    const peer: PeerPaths = {
      ...{ peerId: 'edge-2', node: 'edge-2' as PeerPaths['node'], nat: UNKNOWN_NAT },
      ...{ lan: [LAN], direct: [DIRECT], egress: ['45.80.0.1'] },
      relays: ['relay-1', 'relay-2'].map((peerId) => ({ peerId, rttMs: 10 })),
    }
    this.improvement.round(peer, kinds.map(openPath))
    return this.tried.slice(before)
  }
}

function openPath(kind: TunnelPath): OpenPath {
  const direct = kind !== 'relayed'
  const remoteAddr = { toString: () => '/ip4/45.80.0.70/tcp/20006/p2p/relay-1/p2p-circuit' }
  const id = { direct, remoteAddr } as unknown as Connection
  return { id, kind, rttMs: 10, isMeasured: true, lossShare: undefined, condition: 'good', isSpare: false }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('while a path is open, what is better is tried', () => {
  it('neighbours first, then the LAN, then public addresses; and nothing twice', () => {
    const world = new World()
    expect(world.round('relayed')).toEqual([NEIGHBOUR, LAN, DIRECT])
    expect(world.round('relayed')).toEqual([])
  })

  it('a hole and a better relay when no address has answered', async () => {
    const world = new World()
    world.fail = 'unreachable'
    world.round('relayed')
    await vi.advanceTimersByTimeAsync(0)
    expect(world.round('relayed')).toEqual(['punch', RELAY_2?.address.toString()])
  })

  it('a hole beside addresses that keep silent for long', () => {
    const world = new World()
    world.round('relayed')
    vi.advanceTimersByTime(999)
    expect(world.round('relayed')).toEqual([])
    vi.advanceTimersByTime(1)
    expect(world.round('relayed')).toContain('punch')
  })

  it('no hole where it is useless', () => {
    const world = new World()
    world.obstacle = 'useless'
    world.round('relayed')
    vi.advanceTimersByTime(1_000)
    expect(world.round('relayed')).toEqual([RELAY_2?.address.toString()])
  })

  it.each<[TunnelPath, string[]]>([
    ['punched', [NEIGHBOUR, LAN, DIRECT]],
    ['direct', [NEIGHBOUR, LAN]],
    ['lan', []],
  ])('than %s', (kind, expected) => {
    expect(new World().round('relayed', kind)).toEqual(expected)
  })

  it('and nothing where nothing is open', () => {
    expect(new World().round()).toEqual([])
  })
})

it('what failed is tried again later', async () => {
  const world = new World()
  world.fail = 'unreachable'
  world.obstacle = 'useless'
  world.round('direct')
  await vi.advanceTimersByTimeAsync(999)
  expect(world.round('direct')).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(world.round('direct')).toEqual([NEIGHBOUR, LAN])
})

it('a hole that was not made is left alone for long', async () => {
  const world = new World()
  world.fail = 'unreachable'
  const punchesIn = async (seconds: number): Promise<number> => {
    const before = world.tried.length
    for (let second = 0; second < seconds; second++) {
      world.round('relayed')
      await vi.advanceTimersByTimeAsync(1_000)
    }
    return world.tried.slice(before).filter((tried) => tried === 'punch').length
  }
  world.punching.resolve({ kind: 'failed', message: 'nobody came' })
  expect(await punchesIn(28)).toBe(1)
  expect(world.leftAlone.waitOf('edge-2', 'punching')?.message).toBe('nobody came')

  expect(await punchesIn(10)).toBe(1)
  expect(await punchesIn(50)).toBe(0)
})

it('a punch that the peer takes no part in just now is soon tried again', async () => {
  const world = new World()
  world.fail = 'unreachable'
  world.punching.resolve({ kind: 'failed', reason: 'connected', message: 'there is a better path already' })
  for (let second = 0; second < 8; second++) {
    world.round('relayed')
    await vi.advanceTimersByTimeAsync(1_000)
  }
  expect(world.tried.filter((tried) => tried === 'punch').length).toBeGreaterThan(2)
})

it('an announcement that led to another host is refuted, what a record says is not', async () => {
  const world = new World()
  world.fail = 'wrong-identity'
  world.round('relayed')
  await vi.advanceTimersByTimeAsync(0)

  expect(world.refuted).toEqual([NEIGHBOUR])
})
