import { NO_CONNECTION_POOL } from '@edgeway/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { factsOf, limited, RouteLab } from './test/route-lab.ts'

const BY_HEADER = { annotations: { 'edgeway.io/hash-header': 'X-User' } }
const BY_COOKIE = { annotations: { 'edgeway.io/hash-cookie': 'stick; Path=/; Max-Age=60' } }
const USERS = Array.from({ length: 60 }, (_, n) => `user-${n}`)

const ofUser = (user: string) => ({ fields: { 'x-user': user } })
const withCookie = (value: string) => ({ fields: { cookie: `a=1; stick=${value}` } })

/** Where each of them goes. */
function placesOf(
  lab: RouteLab,
  facts: (user: string) => Parameters<typeof factsOf>[0],
  users = USERS,
): readonly number[] {
  return users.map((user) => lab.serve(facts(user)))
}

describe('requests by the hash of a header', () => {
  let lab: RouteLab
  beforeEach(() => {
    lab = new RouteLab(3)
    lab.set(BY_HEADER)
  })

  it('go where those with the same value go, whoever calls', () => {
    const places = placesOf(lab, ofUser)
    expect(new Set(places)).toEqual(new Set([0, 1, 2]))

    expect(USERS.map((user, n) => lab.serve({ ...ofUser(user), clientIp: `10.9.0.${n}` }))).toEqual(places)
  })

  it('go to the same endpoints after a restart, and from other nodes', () => {
    const restarted = new RouteLab(3, 99)
    restarted.set(BY_HEADER)

    expect(placesOf(restarted, ofUser)).toEqual(placesOf(lab, ofUser))
  })

  it('leave their endpoint only when it has gone, and come back to it', () => {
    const before = placesOf(lab, ofUser)
    lab.set(BY_HEADER, lab.all.slice(1))
    const without = placesOf(lab, ofUser)
    lab.set(BY_HEADER)

    for (const [n, place] of before.entries()) if (place !== 0) expect(without[n]).toBe(place)
    expect(placesOf(lab, ofUser)).toEqual(before)
  })

  it('go to the next one of their order when theirs fails', () => {
    const route = lab.begin(ofUser('ann'))
    route.next()
    route.failed('connect-failure', { isReplayable: true })
    const next = lab.numberOf(route.next())
    const own = lab.serve(ofUser('ann'))
    lab.set(
      BY_HEADER,
      lab.all.filter((_, n) => n !== own),
    )

    expect(lab.serve(ofUser('ann'))).toBe(next)
  })

  it('go anywhere without the header, even of one client', () => {
    expect(new Set(USERS.map(() => lab.serve()))).toEqual(new Set([0, 1, 2]))
    expect(lab.begin().why).toBe('balancing')
    expect(lab.begin(ofUser('ann')).why).toBe('header-hash')
  })

  it('stay together with an empty value', () => {
    expect(new Set(USERS.map(() => lab.serve(ofUser('')))).size).toBe(1)
  })
})

describe('requests by the hash of a cookie', () => {
  let lab: RouteLab
  beforeEach(() => {
    lab = new RouteLab(3)
    lab.set(BY_COOKIE)
  })

  it('go where those with the same value go, after a restart, too', () => {
    const places = placesOf(lab, withCookie)
    const restarted = new RouteLab(3, 99)
    restarted.set(BY_COOKIE)

    expect(new Set(places)).toEqual(new Set([0, 1, 2]))
    expect(placesOf(restarted, withCookie)).toEqual(places)
    expect(lab.begin(withCookie('ann'))).toMatchObject({ why: 'cookie-hash', setCookie: undefined })
  })

  it.each([
    ['have no cookie', {}],
    ['have others only', { fields: { cookie: 'a=1; sticky=2' } }],
    ['have an empty one', withCookie('')],
  ])('are given one that brings the next ones to the same endpoint when they %s', (_what, facts) => {
    for (let n = 0; n < 20; n++) {
      const route = lab.begin(facts)
      const place = lab.numberOf(route.next())
      const [, value = ''] =
        /^stick=([A-Za-z0-9_-]{22}); Path=\/; Max-Age=60; HttpOnly$/.exec(route.setCookie ?? '') ??
        expect.fail(`odd cookie: ${route.setCookie}`)
      expect(route.why).toBe('cookie-hash')
      expect(lab.serve(withCookie(value))).toBe(place)
    }
  })

  it("are given none where it is the application's own: they go anywhere", () => {
    const cookie = { name: 'stick', path: undefined, ttlSeconds: undefined, sameSite: undefined }
    const balancing = { kind: 'cookie-hash', cookie, isForeign: true } as const
    const none = { connectionPool: NO_CONNECTION_POOL, outlierDetection: undefined }
    lab.set({ destinationPolicy: { balancing, ...none } })

    expect(lab.begin({})).toMatchObject({ why: 'balancing', setCookie: undefined })
    expect(new Set(placesOf(lab, () => ({})))).toEqual(new Set([0, 1, 2]))
    expect(new Set(USERS.map(() => lab.serve(withCookie('ann')))).size).toBe(1)
  })

  it('may have their cookie in any of several fields', () => {
    const allFields = (name: string) => (name === 'cookie' ? ['a=1', 'stick=ann'] : [])

    expect(lab.begin({ allFields }).setCookie).toBeUndefined()
    expect(lab.serve({ allFields })).toBe(lab.serve(withCookie('ann')))
  })
})

describe('requests by other policies', () => {
  it.each([
    ['balancing', {}],
    ['balancing', { annotations: { 'edgeway.io/balancing': 'least-connections' } }],
    ['source-ip-hash', { annotations: { 'edgeway.io/balancing': 'source-ip-hash' } }],
    ['client-affinity', { clientIpAffinitySeconds: 60 }],
  ] as const)('go by %s: %j', (why, wishes) => {
    const lab = new RouteLab(3)
    lab.set(wishes)
    const served = new Set(USERS.map(() => lab.serve()))

    expect(lab.begin().why).toBe(why)
    expect(served.size).toBe(why === 'balancing' ? 3 : 1)
  })

  it('count as load while they are under way: the fewest requests come first', () => {
    const lab = new RouteLab(3)
    lab.set({ annotations: { 'edgeway.io/balancing': 'least-connections' } })
    const open = Array.from({ length: 6 }, () => lab.begin())
    const places = open.map((route) => lab.numberOf(route.next()))
    expect(places.toSorted()).toEqual([0, 0, 1, 1, 2, 2])
    const idle = places.indexOf(1)
    open[idle]?.end()

    expect(lab.serve()).toBe(1)
  })
})

describe('requests to the fastest', () => {
  it('go by how fast endpoints answer, while all of them are connected to already', () => {
    const lab = new RouteLab(2)
    lab.set({ annotations: { 'edgeway.io/balancing': 'peak-ewma' } })
    const counts = [0, 0]
    for (let n = 0; n < 200; n++) {
      const route = lab.begin()
      const place = lab.numberOf(route.next())
      counts[place] = (counts[place] ?? 0) + 1
      lab.now += place === 0 ? 100 : 1
      route.responded(200)
      route.end()
    }

    expect(counts[0]).toBeLessThan(20)
  })
})

describe('RequestRoutes', () => {
  let lab: RouteLab
  beforeEach(() => {
    lab = new RouteLab(3)
  })

  it('are the same for as long as the Service is', () => {
    const before = lab.of()
    expect(lab.of()).toBe(before)
    expect(lab.of('external')).not.toBe(before)
    expect(lab.of()).toBe(before)

    lab.set({ annotations: { 'edgeway.io/request-timeout': '5s' } })
    expect(lab.of()).not.toBe(before)
    expect(lab.of()).toMatchObject({ policy: { requestTimeoutMs: 5_000 }, isShareable: true })
  })

  it('say whether a connection to an endpoint tells of one client', () => {
    lab.set({ annotations: { 'edgeway.io/proxy-protocol': 'v2' } })

    expect(lab.of().isShareable).toBe(false)
  })

  it('let as many requests begin as may be under way, also over a change of the Service', () => {
    lab.set(limited({ maxRequests: 2 }))
    const one = lab.begin()
    lab.begin()
    expect(lab.of().begin(factsOf())).toBe('over-limit')
    lab.set({ ...limited({ maxRequests: 2 }), annotations: { 'edgeway.io/retries': '1' } })
    expect(lab.of().begin(factsOf())).toBe('over-limit')

    one.end()
    one.end()
    lab.begin()
    expect(lab.of().begin(factsOf())).toBe('over-limit')
  })

  it('count the requests of each scope apart', () => {
    lab.set(limited({ maxRequests: 1 }))
    lab.begin()

    expect(lab.of('external').begin(factsOf())).not.toBe('over-limit')
  })

  it('keep the retry budget over a change of the Service', () => {
    for (const request of ['5s', '6s', '7s']) {
      lab.set({ annotations: { 'edgeway.io/retries': '4', 'edgeway.io/request-timeout': request } })
      const route = lab.begin()
      while (route.next() !== undefined && route.failed(503, { isReplayable: true }));
      expect(route.attempts).toBe(request === '7s' ? 3 : 5)
    }
  })

  it('have no endpoint for requests on connections to a Service that has gone, and forget it', () => {
    lab.set(limited({ maxRequests: 1 }))
    const open = lab.begin()
    lab.delete()

    const routes = lab.of()
    expect(routes.service).toMatchObject({ namespace: 'shop', name: 'web', annotations: {} })
    expect(lab.begin().next()).toBeUndefined()
    open.end()

    lab.set(limited({ maxRequests: 1 }))
    expect(lab.of()).not.toBe(routes)
    lab.begin()
  })

  it('hear of nothing once they are disposed', () => {
    lab.set(limited({ maxRequests: 1 }))
    lab.begin()
    lab.routes[Symbol.dispose]()
    lab.delete()
    lab.set(limited({ maxRequests: 1 }))

    expect(lab.of().begin(factsOf())).toBe('over-limit')
  })
})

it('know whether an endpoint has answered, until the Service or its endpoints change', () => {
  const lab = new RouteLab(2)
  const route = lab.begin()
  route.next()
  route.failed('reset', { isReplayable: true })
  expect(lab.of().hasAnswered).toBe(false)

  lab.serve()
  expect(lab.of().hasAnswered).toBe(true)

  lab.set(BY_HEADER)
  expect(lab.of().hasAnswered).toBe(false)

  lab.serve()
  lab.services.setEndpoints(lab.of().name, lab.all.slice(1))
  expect(lab.of().hasAnswered).toBe(false)
})
