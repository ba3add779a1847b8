import { beforeEach, describe, expect, it } from 'vitest'
import { ClientIpAffinity } from './client-ip-affinity.ts'
import { clients, countKeys, seededRandom, weighted } from './test/candidates.ts'

const CLIENT = '192.0.2.7'
const ALL = weighted({ a: 1, b: 1, c: 1, d: 1 })

describe('ClientIpAffinity', () => {
  let now: number
  let chance: number
  const deps = { now: () => now, random: () => chance }

  beforeEach(() => {
    now = 0
    chance = 0
  })

  /** Where chance would choose another endpoint each time. */
  function pick(balancer: ClientIpAffinity, client = CLIENT, candidates = ALL): string {
    chance = (chance + 0.25) % 1
    return balancer.pick(candidates, client).key
  }

  it('keeps a client with its endpoint while its pauses are shorter than the timeout', () => {
    const balancer = new ClientIpAffinity({ timeoutMs: 10_000 }, deps)
    const own = pick(balancer)
    for (let flow = 0; flow < 20; flow++) {
      now += 9_999
      expect(pick(balancer)).toBe(own)
    }

    now += 10_000
    expect(pick(balancer)).not.toBe(own)
  })

  it('does not mind how busy the endpoint is', () => {
    const balancer = new ClientIpAffinity({ timeoutMs: 10_000 }, deps)
    const own = pick(balancer)

    const busy = weighted({ a: 1, b: 1, c: 1, d: 1 }, { openFlows: 0 }).map((one) =>
      one.key === own ? { ...one, openFlows: 1_000, connectMs: 30_000 } : one,
    )
    const [first, ...others] = busy
    if (first === undefined) throw new Error('there are four')
    expect(pick(balancer, CLIENT, [first, ...others])).toBe(own)
  })

  it('keeps the new endpoint that it gave a client whose own was away', () => {
    const balancer = new ClientIpAffinity({ timeoutMs: 10_000 }, deps)
    const own = pick(balancer)
    const [first, ...others] = ALL.filter(({ key }) => key !== own)
    if (first === undefined) throw new Error('there are four')

    const next = pick(balancer, CLIENT, [first, ...others])

    expect(next).not.toBe(own)
    expect([pick(balancer), pick(balancer), pick(balancer)]).toEqual([next, next, next])
  })

  it('forgets who called longest ago when there are too many', () => {
    const balancer = new ClientIpAffinity({ timeoutMs: 10_000, maxClients: 3 }, deps)
    const own = ['a', 'b', 'c'].map((client) => pick(balancer, client))
    expect(pick(balancer, 'a')).toBe(own[0])

    pick(balancer, 'd')

    expect(pick(balancer, 'a')).toBe(own[0])
    expect(pick(balancer, 'c')).toBe(own[2])
    chance = 0
    expect([pick(balancer, 'b'), own[1]]).toEqual(['b', 'c'])
  })

  it('chooses by weight for those that are new', () => {
    const balancer = new ClientIpAffinity({ timeoutMs: 10_000 }, { now: () => now, random: seededRandom(1) })
    const candidates = weighted({ a: 1, b: 3 })

    const counts = countKeys(clients(4_000).map((client) => balancer.pick(candidates, client)))

    expect(counts['a']).toBeGreaterThan(900)
    expect(counts['a']).toBeLessThan(1_100)
  })
})
