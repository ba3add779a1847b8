import type { BalancingPolicy } from '@edgeway/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Balancer, Candidate } from './balancer.ts'
import { type BalancerDeps, balancerFor } from './balancer-for.ts'
import {
  type Candidates,
  candidate,
  clients,
  countKeys,
  notEmpty,
  seededRandom,
  weighted,
} from './test/candidates.ts'

const POLICIES: readonly BalancingPolicy[] = [
  { kind: 'random' },
  { kind: 'round-robin' },
  { kind: 'least-connections' },
  { kind: 'peak-ewma' },
  { kind: 'source-ip-hash' },
  { kind: 'client-ip', timeoutSeconds: 60 },
]
const STICKY = POLICIES.filter(({ kind }) => kind === 'source-ip-hash' || kind === 'client-ip')
const SEEDS = [1, 2, 3]

function make(policy: BalancingPolicy, deps: Partial<BalancerDeps> = {}): Balancer {
  return balancerFor(policy, { now: () => 0, random: seededRandom(1), ...deps })
}

/** Any candidates of a pool of twelve, in the order of the pool. */
const anyCandidates: fc.Arbitrary<Candidates> = fc
  .uniqueArray(
    fc.record({
      key: fc.integer({ min: 10, max: 21 }).map(String),
      weight: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 100 })),
      openFlows: fc.oneof(fc.constant(0), fc.nat({ max: 1_000 })),
      connectMs: fc.option(fc.double({ min: 0, max: 1e5, noNaN: true }), { nil: undefined }),
    }),
    { minLength: 1, selector: ({ key }) => key },
  )
  .map((found) =>
    notEmpty(found.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map((one) => Object.freeze(one))),
  )

const anyCalls = fc.array(
  fc.record({
    candidates: anyCandidates.map((found) => Object.freeze(found)),
    client: fc.constantFrom(...clients(4)),
    afterMs: fc.nat({ max: 40_000 }),
  }),
  { minLength: 1, maxLength: 30 },
)

/** Flows that are open at one balancer's endpoints. */
class Flows {
  readonly #balancer: Balancer
  readonly #open = new Map<string, number>()

  constructor(balancer: Balancer) {
    this.#balancer = balancer
  }

  open(endpoints: readonly Candidate[], client: string): Candidate {
    const seen = endpoints.map((one) => ({ ...one, openFlows: this.#open.get(one.key) ?? 0 }))
    const picked = this.#balancer.pick(notEmpty(seen), client)
    this.#open.set(picked.key, picked.openFlows + 1)
    return picked
  }

  close({ key }: Candidate): void {
    this.#open.set(key, (this.#open.get(key) ?? 0) - 1)
  }
}

describe.each(POLICIES)('A balancer by $kind', (policy) => {
  it('picks one of the candidates, whichever come and go, and changes none', () => {
    fc.assert(
      fc.property(anyCalls, fc.nat(), (calls, seed) => {
        let now = 0
        const balancer = make(policy, { now: () => now, random: seededRandom(seed) })
        for (const { candidates, client, afterMs } of calls) {
          now += afterMs
          expect(candidates).toContain(balancer.pick(candidates, client))
        }
      }),
      { numRuns: 500 },
    )
  })

  it.each([0, 1 - Number.EPSILON])('picks one of the candidates when chance is %d', (chance) => {
    fc.assert(
      fc.property(anyCandidates, (candidates) => {
        const balancer = make(policy, { random: () => chance })
        expect(candidates).toContain(balancer.pick(candidates, '10.0.0.1'))
      }),
    )
  })

  it.each(SEEDS)('spreads flows that stay open by weight, with seed %d', (seed) => {
    const endpoints = weighted({ a: 1, b: 2, c: 1, d: 6 }, { connectMs: 3 })
    const flows = new Flows(make(policy, { random: seededRandom(seed) }))

    const counts = countKeys(clients(10_000).map((client) => flows.open(endpoints, client)))

    for (const { key, weight } of endpoints) expectAbout(counts[key], weight * 1_000)
  })

  it.each(SEEDS)('leaves out nobody while another comes and goes with each flow, with seed %d', (seed) => {
    const steady = weighted({ a: 1, b: 1, c: 2 })
    const flows = new Flows(make(policy, { random: seededRandom(seed) }))

    const picked = clients(600).map((client, index) => {
      const guest = candidate(`guest ${index >> 1}`)
      return flows.open(index % 2 === 0 ? [...steady, guest] : steady, client)
    })

    const counts = countKeys(picked)
    for (const { key } of steady) expect(counts[key]).toBeGreaterThan(50)
  })
})

describe.each(POLICIES.filter(({ kind }) => kind !== 'peak-ewma'))(
  'A balancer by $kind, of flows that end at once,',
  (policy) => {
    it.each(SEEDS)('spreads them by weight, with seed %d', (seed) => {
      const endpoints = weighted({ a: 1, b: 2, c: 1, d: 6 })
      const balancer = make(policy, { random: seededRandom(seed) })

      const counts = countKeys(clients(10_000).map((client) => balancer.pick(endpoints, client)))

      for (const { key, weight } of endpoints) expectAbout(counts[key], weight * 1_000)
    })
  },
)

describe.each(STICKY)('A balancer by $kind', (policy) => {
  const everybody = weighted({ a: 1, b: 3, c: 1, d: 1, e: 2 })
  const callers = clients(1_000)

  function endpointsOf(balancer: Balancer, candidates: Candidates): ReadonlyMap<string, string> {
    return new Map(callers.map((client) => [client, balancer.pick(candidates, client).key]))
  }

  it('sends a client to its endpoint again', () => {
    const balancer = make(policy)
    const before = endpointsOf(balancer, everybody)

    expect(endpointsOf(balancer, everybody)).toEqual(before)
  })

  it.each(['a', 'b', 'e'])('moves only the clients of %s when that goes', (gone) => {
    const balancer = make(policy)
    const before = endpointsOf(balancer, everybody)

    const after = endpointsOf(balancer, notEmpty(everybody.filter(({ key }) => key !== gone)))

    const moved = callers.filter((client) => before.get(client) !== after.get(client))
    expect(moved).toEqual(callers.filter((client) => before.get(client) === gone))
    expect(moved.length).toBeGreaterThan(50)
    expect(new Set(moved.map((client) => after.get(client))).size).toBe(4)
  })

  it('does not go by the order of the candidates', () => {
    const balancer = make(policy)
    const before = endpointsOf(balancer, everybody)

    expect(endpointsOf(balancer, notEmpty(everybody.toReversed()))).toEqual(before)
  })
})

/** Within a tenth. */
function expectAbout(count: number | undefined, expected: number): void {
  expect(count).toBeGreaterThan(expected * 0.9)
  expect(count).toBeLessThan(expected * 1.1)
}
