import { describe, expect, it } from 'vitest'
import { ALL_SERVICES, endpoints, RunningMetaServer, SERVICES, service } from './running-metaserver.ts'

describe('a watch', () => {
  it('tells rows in the order in which they were stored, then changes, and ends cleanly in time', async () => {
    await using server = await RunningMetaServer.start()
    await server.deliver(SERVICES, service('b'), service('a'))
    const watch = await server.watch(SERVICES)
    await server.apply(service('b', { spec: { clusterIP: '10.96.0.2' } }))
    await server.quiet()
    await server.remove('a')
    expect(await server.rest(watch)).toEqual(['ADDED b', 'ADDED a', 'MODIFIED b', 'DELETED a'])
  })

  it('without timeoutSeconds ends after a random time between the bounds', async () => {
    await using server = await RunningMetaServer.start()
    const watch = await server.watch(SERVICES, '')
    await server.clock.advance(1_800_000 - 1)
    expect(server.double.stats.watches).toBe(1)
    await server.clock.advance(1_800_000)
    expect(await watch.end()).toEqual([])
  })

  it.each([
    ['v1.22', 422],
    ['v1.23', 200],
  ] as const)('%s answers sendInitialEvents with %i', async (compat, code) => {
    await using server = await RunningMetaServer.start({}, { compat })
    const query = 'timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan'
    expect((await server.watch(SERVICES, query)).code).toBe(code)
  })

  it('sees what its own selector, namespace and name mean', async () => {
    await using server = await RunningMetaServer.start()
    const watches = [
      await server.watch(`${ALL_SERVICES}?labelSelector=app%3Dweb`),
      await server.watch(`${SERVICES}?fieldSelector=metadata.name%3Dplain`),
      await server.watch(`${SERVICES}/plain`),
      await server.watch('/api/v1/namespaces/elsewhere/services'),
    ]
    await server.apply(service('web', { labels: { app: 'web' } }), service('plain'))
    await server.quiet()
    await server.clock.advance(1_000)
    const events = await Promise.all(watches.map(async (watch) => await watch.end()))
    expect(events).toEqual([['ADDED web'], ['ADDED plain'], ['ADDED plain'], []])
  })

  it('goes on from a version, or is Expired, with watchFromZero off', async () => {
    await using server = await RunningMetaServer.start()
    await server.deliver(SERVICES, service('a'), service('b'))
    const live = await server.watch(SERVICES, 'timeoutSeconds=1')
    await server.remove('a')
    await server.rest(live)
    const query = 'timeoutSeconds=1&resourceVersion=2'
    expect(await server.rest(await server.watch(SERVICES, query))).toEqual(['DELETED a'])

    await server.double.restartEdge()
    const expired = await server.watch(SERVICES, 'timeoutSeconds=1&resourceVersion=1')
    await expired.end()
    expect(expired.all).toMatchObject([{ type: 'ERROR', object: { reason: 'Expired', code: 410 } }])
  })
})

describe('deliveries', () => {
  it('come once although two watches are about the same object', async () => {
    await using server = await RunningMetaServer.start()
    const watches = [await server.watch(SERVICES), await server.watch(ALL_SERVICES)]
    await server.apply(service('a'))
    await server.quiet()
    expect(server.double.stats.deliveries).toBe(1)
    await server.clock.advance(1_000)
    expect(await Promise.all(watches.map(async (watch) => await watch.end()))).toEqual([
      ['ADDED a'],
      ['ADDED a'],
    ])
  })

  it('are not repeated for a watch that comes later: it has the rows', async () => {
    await using server = await RunningMetaServer.start()
    await server.deliver(SERVICES, service('a'))
    expect(await server.rest(await server.watch(ALL_SERVICES))).toEqual(['ADDED a'])
    expect(server.double.stats.deliveries).toBe(1)
  })

  it('of an object that was created anew while the link was down do not end with the old one', async () => {
    await using server = await RunningMetaServer.start()
    await server.deliver(SERVICES, service('a'))
    server.double.setLink({ state: 'down' })
    await server.remove('a')
    await server.apply(service('a', { spec: { clusterIP: '10.96.0.2' } }))
    server.double.setLink({ state: 'up' })
    await server.deliver(SERVICES)
    await server.clock.advance(5_000)
    server.double.setLink({ state: 'down' })
    expect((await server.send(`${SERVICES}/a`)).body.spec.clusterIP).toBe('10.96.0.2')
  })

  it('skip what was overtaken while it waited', async () => {
    await using server = await RunningMetaServer.start({ stopAndWait: true })
    const watch = await server.watch(SERVICES, 'timeoutSeconds=60')
    server.double.setLink({ rttMs: 1_000 })
    await server.apply(service('first'))
    for (const ip of ['1', '2', '3'])
      await server.apply(service('a', { spec: { clusterIP: `10.96.0.${ip}` } }))
    await server.clock.advance(3_000)
    await watch.until('MODIFIED a')
    expect(watch.all.map(({ object }) => object['spec'])).toMatchObject([{}, { clusterIP: '10.96.0.3' }])
    expect(server.double.stats.deliveries).toBe(2)
  })

  it('that are lost on a half-open link are repeated when it is whole again', async () => {
    await using server = await RunningMetaServer.start()
    const watch = await server.watch(SERVICES, 'timeoutSeconds=60')
    server.double.setLink({ state: 'half-open' })
    await server.apply(service('a'))
    await server.clock.advance(6_000)
    expect(server.double.stats).toMatchObject({ queued: 1, deliveries: 0 })
    server.double.setLink({ state: 'up' })
    await server.clock.advance(5_000)
    await watch.until('ADDED a')
  })

  it('that wait are forgotten with the connection, and made up for within five seconds of its return', async () => {
    await using server = await RunningMetaServer.start({ listenersLostOnRestart: true, dedupeBySync: true })
    const watch = await server.watch(SERVICES, 'timeoutSeconds=60')
    server.double.setLink({ state: 'down' })
    await server.apply(service('a'))
    server.double.setLink({ state: 'up' })
    expect(server.double.stats).toMatchObject({ queued: 0, deliveries: 0, objectSyncs: 1 })
    await server.clock.advance(5_000)
    await watch.until('MODIFIED a')
  })

  it('can be told to get lost: acknowledged, not stored and never repeated', async () => {
    await using server = await RunningMetaServer.start()
    const watch = await server.watch(SERVICES, 'timeoutSeconds=20')
    server.double.dropNextEvent()
    await server.apply(service('lost'), service('kept'))
    await watch.until('ADDED kept')
    await server.clock.advance(20_000)
    expect(await watch.end()).toEqual(['ADDED kept'])
    expect(server.double.stats).toMatchObject({ lostDeliveries: 1, rows: 1 })
  })

  it('wait for no other resource than their own to be watched', async () => {
    await using server = await RunningMetaServer.start()
    await server.apply(endpoints('web'))
    await server.deliver(SERVICES, service('web'))
    expect(server.double.stats.rows).toBe(1)
  })
})

describe('a restart of the edge', () => {
  it('cuts its clients and keeps its rows and its port', async () => {
    await using server = await RunningMetaServer.start()
    await server.deliver(SERVICES, service('a'))
    const { url } = server.double
    const watch = await server.watch(SERVICES)
    await server.double.restartEdge()
    await expect(watch.end()).rejects.toThrow()

    expect(server.double.url).toBe(url)
    server.double.setLink({ state: 'down' })
    expect(await server.names(SERVICES)).toEqual(['a'])
    await server.double.restartEdge({ wipe: true })
    expect(await server.names(SERVICES)).toEqual([])
  })
})

describe('a flapping link', () => {
  it('is up and down in turns, the same turns for the same seed', async () => {
    const turns = async (seed: number): Promise<string> => {
      await using server = await RunningMetaServer.start({}, { seed })
      server.double.setLink({ state: 'flap', flapUpMs: 1_000, flapDownMs: 500 })
      let phases = ''
      for (let step = 0; step < 40; step++) {
        await server.clock.advance(100)
        phases += server.double.stats.phase === 'up' ? '-' : '_'
      }
      return phases
    }
    const first = await turns(7)
    expect(first).toMatch(/-_+-/)
    expect(await turns(7)).toBe(first)
    expect(await turns(8)).not.toBe(first)
  })
})

describe('a node that is in a group', () => {
  it('gets endpoints of its group only, by LIST and by WATCH, where the Service asks for it', async () => {
    await using server = await RunningMetaServer.start({}, { nodeName: 'here' })
    const annotations = { 'apps.kubeedge.io/service-topology': 'range-nodegroup' }
    await server.apply(
      ...['here', 'far'].map((name) => ({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels: { 'apps.kubeedge.io/belonging-to': name } },
      })),
      { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'shop', name: 'web', annotations } },
      {
        ...endpoints('web'),
        subsets: [
          {
            addresses: [
              { ip: '10.1.0.1', nodeName: 'here' },
              { ip: '10.1.0.2', nodeName: 'far' },
            ],
          },
        ],
      },
    )
    const path = '/api/v1/namespaces/shop/endpoints'
    const expected = [{ addresses: [{ ip: '10.1.0.1', nodeName: 'here' }] }]
    expect((await server.send(path)).body.items[0].subsets).toEqual(expected)
    const watch = await server.watch(path)
    await server.rest(watch)
    expect(watch.all.map(({ object }) => object['subsets'])).toEqual([expected])
  })
})
