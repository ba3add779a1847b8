import { MemoryLogger } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PeerBook } from '../../records/peer-book.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import { NeighbourRecords } from './neighbour-records.ts'

const SELF = 'M'
const HOUR_MS = 3_600_000

/** A node whose neighbours never answer. */
class Silence {
  readonly announced = new Map<string, readonly string[]>()
  readonly dialled: string[] = []
  readonly forgotten: string[] = []
  isAlone = true
  readonly book = new PeerBook(() => ({ kind: 'refused', reason: 'expired', message: '' }))
  readonly records: NeighbourRecords
  #tell: (peerId: string) => void = () => {}

  constructor(known: readonly PeerRecord[] = []) {
    for (const record of known) this.book.apply(record)
    const announced = this.announced
    this.records = new NeighbourRecords({
      ...{ book: this.book, peerId: SELF, isAlone: () => this.isAlone, logger: new MemoryLogger() },
      neighbours: {
        addressesOf: (peerId) => announced.get(peerId) ?? [],
        get peerIds() {
          return [...announced.keys()]
        },
        onChange: (listener) => {
          this.#tell = listener
          return { [Symbol.dispose]: () => {} }
        },
      },
      trust: () => undefined,
      own: () => undefined,
      memberOf: async () => undefined,
      connect: async ({ peerId }) => {
        this.dialled.push(peerId)
        throw new Error('no answer')
      },
      forget: (peerId) => void this.forgotten.push(peerId),
    })
  }

  announce(peerId: string, ...addresses: readonly string[]): void {
    this.announced.set(peerId, addresses)
    this.#tell(peerId)
  }
}

function record(peerId: string, lan: readonly string[]): PeerRecord {
  return { peerId, node: peerId, lan, membership: { issuedAt: 1 }, wire: {} } as unknown as PeerRecord
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a neighbour is asked for its record', () => {
  it('if it is unknown, at once by the node of the smaller PeerId, soon by the other', async () => {
    const node = new Silence()
    node.announce('Z', 'a')
    node.announce('A', 'b')
    expect(node.dialled).toEqual(['Z'])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(node.dialled).toEqual(['Z', 'A'])
  })

  it('and leaves nothing behind if it is a stranger that does not tell it', async () => {
    const node = new Silence([record('Y', ['a'])])
    node.announce('X', 'a')
    node.announce('Y', 'b')
    await vi.advanceTimersByTimeAsync(0)
    expect(node.dialled).toEqual(['X', 'Y'])
    expect(node.forgotten).toEqual(['X'])
  })

  it('if it has another address than its record says', () => {
    const node = new Silence([record('X', ['a']), record('Y', ['a'])])
    node.announce('X', 'a')
    node.announce('Y', 'b')
    expect(node.dialled).toEqual(['Y'])
  })

  it('only while no tunnel server tells of others', async () => {
    const node = new Silence()
    node.isAlone = false
    node.announce('Z', 'a')
    await vi.advanceTimersByTimeAsync(HOUR_MS)
    expect(node.dialled).toEqual([])

    node.isAlone = true
    node.records.wake()
    expect(node.dialled).toEqual(['Z'])
    node.isAlone = false
    node.records.wake()
    await vi.advanceTimersByTimeAsync(HOUR_MS)
    expect(node.dialled).toEqual(['Z'])
  })

  it('less and less while it does not answer, and at once when it announces another address', async () => {
    const node = new Silence()
    node.announce('Z', 'a')
    await vi.advanceTimersByTimeAsync(HOUR_MS)
    const before = node.dialled.length
    expect(before).toBeGreaterThan(10)
    expect(before).toBeLessThan(25)
    node.announce('Z', 'b')
    expect(node.dialled).toHaveLength(before + 1)
  })

  it('three at a time, until all were', async () => {
    const node = new Silence()
    node.isAlone = false
    for (let index = 0; index < 20; index++) node.announce(`Z${index}`, 'a')
    node.isAlone = true
    node.records.wake()
    expect(node.dialled).toHaveLength(3)
    await vi.advanceTimersByTimeAsync(0)
    expect(new Set(node.dialled).size).toBe(20)
  })

  it('not any more after the node has stopped', async () => {
    const node = new Silence()
    node.announce('Z', 'a')
    await node.records[Symbol.asyncDispose]()
    const before = node.dialled.length
    await vi.advanceTimersByTimeAsync(HOUR_MS)
    expect(node.dialled).toHaveLength(before)
  })
})
