import { beforeEach, describe, expect, it } from 'vitest'
import type { TryFailure } from './request-route.ts'
import { failAll, RouteLab } from './test/route-lab.ts'

const REPLAYABLE = { isReplayable: true }
const STREAMED = { isReplayable: false }
const RETRIES = { annotations: { 'edgeway.io/retries': '3' } }
const ANY: readonly TryFailure[] = ['reset', 'timeout', 502, 503, 504]

describe('a request', () => {
  let lab: RouteLab
  beforeEach(() => {
    lab = new RouteLab(3)
    lab.set(RETRIES)
  })

  it('counts with its endpoint from the try to the end, once', () => {
    const route = lab.begin()
    const endpoint = route.next()
    const n = lab.numberOf(endpoint)
    expect(lab.openAt(endpoint)).toBe(1)
    route.responded(200)
    route.responded(500)
    expect(lab.openAt(endpoint)).toBe(1)
    route.end()
    route.end()

    expect(lab.openAt(endpoint)).toBe(0)
    expect(lab.heard).toEqual([`opened ${n}`, `answered ${n}`, `status ${n} 200`, `closed ${n}`])
  })

  it('tells how long the endpoint took to answer where the fastest are preferred', () => {
    lab.set({ annotations: { 'edgeway.io/balancing': 'peak-ewma' } })
    const route = lab.begin()
    const n = lab.numberOf(route.next())
    lab.now += 25
    route.responded(200)

    expect(lab.heard).toContain(`answered ${n} after 25`)
  })

  it('goes to each other endpoint when one can not be connected to, without any wish, whatever it asks', () => {
    lab.set({})
    const route = lab.begin({ method: 'POST' })
    const tried = [route.next()]
    while (route.failed('connect-failure', STREAMED)) tried.push(route.next())

    expect(new Set(tried).size).toBe(3)
    expect(route).toMatchObject({ attempts: 3, why: 'retry' })
    expect(lab.retriesAfter('connect-failure')).toBe(2)
    // The dialer has told.
    expect(lab.heard.filter((word) => word.startsWith('failed'))).toEqual([])
  })

  it('begins anew with the endpoints when all could not be connected to, as often as its policy says', () => {
    expect(failAll(lab.begin({ method: 'POST' }), 'connect-failure')).toBe(3 + 3)
  })

  it('tries no other endpoint when none could do better', () => {
    expect(failAll(lab.begin(), 'no-dial')).toBe(1)
  })

  it('tries no other endpoint when the time for connecting is over', () => {
    const route = lab.begin()
    route.next()
    route.dialBudget.spend(15_000)

    expect(route.failed('connect-failure', REPLAYABLE)).toBe(false)
  })

  it.each<[TryFailure, string[]]>([
    ['reset', ['failed N reset', 'status N 502']],
    ['timeout', ['status N 504']],
    [503, ['answered N', 'status N 503']],
    ['unsent', []],
    ['connect-failure', []],
  ])('is tried again after %s, and what that says of the endpoint is told', (failure, told) => {
    const route = lab.begin()
    const n = `${lab.numberOf(route.next())}`

    expect(route.failed(failure, REPLAYABLE)).toBe(true)
    expect(lab.heard).toEqual(['opened N', ...told, 'closed N'].map((word) => word.replace('N', n)))
    expect(route.next()).toBeDefined()
    expect(lab.retriesAfter(String(failure))).toBe(1)
  })

  it.each(ANY)('goes to another endpoint after %s', (failure) => {
    const route = lab.begin()
    const first = route.next()
    route.failed(failure, REPLAYABLE)

    expect(route.next()).not.toBe(first)
    expect(route.why).toBe('retry')
  })

  it.each(ANY)('is tried again after %s where there is but one endpoint', (failure) => {
    const [only] = lab.all
    lab.set(RETRIES, lab.all.slice(0, 1))
    const route = lab.begin()
    route.next()
    route.failed(failure, REPLAYABLE)

    expect(route.next()).toBe(only)
  })

  it.each(ANY)('is tried again after %s as often as its policy says', (failure) => {
    expect(failAll(lab.begin(), failure)).toBe(1 + 3)
    lab.set({})
    expect(failAll(lab.begin(), failure)).toBe(1)
  })

  it.each(ANY)('is not tried again after %s once its body is gone', (failure) => {
    const route = lab.begin({ method: 'PUT' })
    route.next()

    expect(route.failed(failure, STREAMED)).toBe(false)
  })

  it.each([
    ...['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'].map((method) => [method, 'is', 4] as const),
    ...['POST', 'PATCH', 'get', 'QUERY'].map((method) => [method, 'is not', 1] as const),
  ])('by %s %s tried again after what may have had an effect', (method, _is, attempts) => {
    for (const failure of ANY) {
      lab.now += 10_000
      expect(failAll(lab.begin({ method }), failure)).toBe(attempts)
    }
  })

  it.each<[string, TryFailure[]]>([
    ['reset', ['reset']],
    ['503', [503]],
    ['504', [504, 'timeout']],
    ['502, 503', [502, 503]],
  ])('is tried again only after what its policy names: %s', (retryOn, named) => {
    lab.set({ annotations: { ...RETRIES.annotations, 'edgeway.io/retry-on': retryOn } })
    for (const failure of [...ANY, 500, 501, 429])
      expect([failure, failAll(lab.begin(), failure) > 1]).toEqual([failure, named.includes(failure)])
  })

  it('takes a status that it is not tried again for as the final one', () => {
    const route = lab.begin({ method: 'POST' })
    const endpoint = route.next()
    const n = lab.numberOf(endpoint)

    expect(route.failed(503, REPLAYABLE)).toBe(false)
    expect(lab.heard).toEqual([`opened ${n}`])
    expect(lab.openAt(endpoint)).toBe(1)
    route.responded(503)
    expect(lab.heard).toEqual([`opened ${n}`, `answered ${n}`, `status ${n} 503`])
  })

  it('has not failed when its response breaks off', () => {
    const route = lab.begin()
    route.next()
    route.responded(200)

    expect(route.failed('reset', REPLAYABLE)).toBe(false)
    expect(lab.heard.filter((word) => word.startsWith('failed'))).toEqual([])
  })

  it('has no endpoint where the ServicePort has none', () => {
    lab.set(RETRIES, [])
    const route = lab.begin()

    expect(route.next()).toBeUndefined()
    expect(route.failed('reset', REPLAYABLE)).toBe(false)
    expect(route.attempts).toBe(0)
    route.end()
    expect(lab.heard).toEqual([])
  })

  it('leaves its endpoint when it goes on without a word', () => {
    const route = lab.begin()
    const first = route.next()
    const second = route.next()

    expect([lab.openAt(first), lab.openAt(second)]).toEqual([0, 1])
  })

  it('has no further endpoint after its end', () => {
    const route = lab.begin()
    route.next()
    route.failed('reset', REPLAYABLE)
    route.end()

    expect(route.next()).toBeUndefined()
    expect(lab.heard.filter((word) => word.startsWith('opened'))).toHaveLength(1)
  })
})

describe('a request that no endpoint got', () => {
  let lab: RouteLab
  beforeEach(() => {
    lab = new RouteLab(3)
    lab.set({ annotations: { 'edgeway.io/hash-header': 'x-user' } })
  })

  it('goes to its own endpoint again, then to the next one', () => {
    const route = lab.begin({ method: 'POST', fields: { 'x-user': 'ann' } })
    const tried = [route.next()]
    for (let n = 0; n < 2; n++) {
      expect(route.failed('unsent', STREAMED)).toBe(true)
      tried.push(route.next())
    }

    expect(tried[1]).toBe(tried[0])
    expect(tried[2]).not.toBe(tried[0])
    expect(lab.heard.filter((word) => word.startsWith('failed'))).toEqual([])
  })

  it('is where it was by its key, until it has to go elsewhere', () => {
    const route = lab.begin({ fields: { 'x-user': 'ann' } })
    const reasons = Array.from({ length: 3 }, () => {
      route.next()
      const { why } = route
      route.failed('unsent', STREAMED)
      return why
    })

    expect(reasons).toEqual(['header-hash', 'header-hash', 'retry'])
  })

  it('is given up some time', () => {
    expect(failAll(lab.begin({ method: 'POST' }), 'unsent')).toBe(9)
  })
})
