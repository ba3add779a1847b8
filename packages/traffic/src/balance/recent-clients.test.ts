import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecentClients } from './recent-clients.ts'

const TIMEOUT_MS = 1_000

const CLIENTS = ['a', 'b', 'c', 'd', 'e', 'f']

const anyNotes = fc.array(
  fc.record({
    client: fc.constantFrom(...CLIENTS),
    endpoint: fc.constantFrom('x', 'y', 'z'),
    afterMs: fc.nat({ max: 600 }),
  }),
)

/** The same, at leisure. */
class Model {
  /** Insertion order is the order of the last notes. */
  readonly notes = new Map<string, { endpoint: string; at: number }>()
  readonly #maxClients: number

  constructor(maxClients: number) {
    this.#maxClients = maxClients
  }

  note(client: string, endpoint: string, now: number): void {
    this.notes.delete(client)
    this.notes.set(client, { endpoint, at: now })
    for (const [old, { at }] of this.notes)
      if (this.notes.size > this.#maxClients || now - at >= TIMEOUT_MS) this.notes.delete(old)
  }
}

describe('RecentClients', () => {
  it('remembers of each client the last endpoint, of as many clients as it may, until the timeout', () => {
    fc.assert(
      fc.property(anyNotes, fc.integer({ min: 1, max: 6 }), (notes, maxClients) => {
        const recent = new RecentClients({ timeoutMs: TIMEOUT_MS, maxClients })
        const model = new Model(maxClients)
        let now = 0
        for (const { client, endpoint, afterMs } of notes) {
          now += afterMs
          recent.note(client, endpoint, now)
          model.note(client, endpoint, now)
          expect(recent.size).toBe(model.notes.size)
          for (const one of CLIENTS) expect(recent.endpointOf(one, now)).toBe(model.notes.get(one)?.endpoint)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('knows nothing of a client from the timeout on, though nobody has called since', () => {
    const recent = new RecentClients({ timeoutMs: TIMEOUT_MS, maxClients: 10 })
    recent.note('a', 'x', 0)

    expect(recent.endpointOf('a', TIMEOUT_MS - 1)).toBe('x')
    expect(recent.endpointOf('a', TIMEOUT_MS)).toBeUndefined()
  })

  it('does not keep those that have expired while others come', () => {
    const recent = new RecentClients({ timeoutMs: TIMEOUT_MS, maxClients: 10_000 })
    for (let index = 0; index < 1_000; index++) recent.note(`old ${index}`, 'x', 0)
    for (let index = 0; index < 200; index++) recent.note(`new ${index}`, 'x', TIMEOUT_MS)

    expect(recent.size).toBe(200)
  })
})
