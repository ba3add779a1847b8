import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ANY_SCHEMA } from '../../src/api-double/schema/schema.ts'
import { ALL_FAULTS, type FAULTS, faultsOf, NO_FAULTS } from '../../src/metaserver-double/index.ts'
import {
  ALL_SERVICES,
  endpoints,
  pod,
  RunningMetaServer,
  SERVICES,
  SLICES,
  service,
  slice,
} from './running-metaserver.ts'

type Flag = keyof typeof FAULTS

interface Scenario {
  /** What a client sees, as a sentence. */
  readonly it: string
  readonly play: (server: RunningMetaServer) => Promise<unknown>
  readonly on: unknown
  readonly off: unknown
}

const SERVICE = { group: '', version: 'v1', resource: 'services' } as const

/** Both ends of every switch: the same story, with the fault and without it. */
const SCENARIOS: Readonly<Record<Flag, Scenario>> = {
  maskGetErrors: {
    it: 'an object that was deleted in the cloud is answered from the store',
    play: async (server) => {
      await server.apply(service('web'))
      await server.send(`${SERVICES}/web`)
      await server.remove('web')
      return (await server.send(`${SERVICES}/web`)).code
    },
    on: 200,
    off: 404,
  },
  maskListErrors: {
    it: 'a forbidden LIST is one of the store, with 200',
    play: async (server) => {
      server.double.deny(SERVICE)
      return (await server.send(SERVICES)).code
    },
    on: 200,
    off: 403,
  },
  listNotStored: {
    it: 'an object that was only ever listed is not there offline',
    play: async (server) => {
      await server.apply(service('web'))
      await server.send(SERVICES)
      server.double.setLink({ state: 'down' })
      return await server.names(SERVICES)
    },
    on: [],
    off: ['web'],
  },
  staleCachedPaths: {
    it: '/readyz says ok although the cloud is away',
    play: async (server) => {
      await server.send('/readyz')
      server.double.setLink({ state: 'down' })
      return (await server.send('/readyz')).code
    },
    on: 200,
    off: 500,
  },
  voidEmptyList: {
    it: 'an empty list of the store has no metadata',
    play: async (server) => {
      server.double.setLink({ state: 'down' })
      return 'metadata' in (await server.send(SERVICES)).body
    },
    on: false,
    off: true,
  },
  selfLinkInLocalList: {
    it: 'a list of the store has its key as selfLink',
    play: async (server) => {
      await server.deliver(SERVICES, service('web'))
      server.double.setLink({ state: 'down' })
      return (await server.send(SERVICES)).body.metadata.selfLink
    },
    on: '/core/v1/services/shop/null',
    off: undefined,
  },
  guessedListKind: {
    it: 'a list of the store has a kind with one capital',
    play: async (server) => {
      const path = '/api/v1/namespaces/shop/configmaps'
      await server.deliver(path, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace: 'shop', name: 'settings' },
      })
      server.double.setLink({ state: 'down' })
      return (await server.send(path)).body.kind
    },
    on: 'ConfigmapList',
    off: 'ConfigMapList',
  },
  fieldSelectorsIgnored: {
    it: 'a field selector finds nothing offline, unless it is of name or namespace',
    play: async (server) => {
      await server.deliver(SERVICES, service('web'))
      server.double.setLink({ state: 'down' })
      return [
        await server.names(`${SERVICES}?fieldSelector=spec.clusterIP%3D10.96.0.1`),
        await server.names(`${SERVICES}?fieldSelector=metadata.name%3Dweb`),
      ]
    },
    on: [[], ['web']],
    off: [['web'], ['web']],
  },
  pagingIgnored: {
    it: 'a list of the store comes whole although one page was asked for',
    play: async (server) => {
      await server.deliver(SERVICES, service('a'), service('b'))
      server.double.setLink({ state: 'down' })
      return await server.names(`${SERVICES}?limit=1`)
    },
    on: ['a', 'b'],
    off: ['a'],
  },
  watchFromZero: {
    it: 'a watch starts with every row, whatever version it names',
    play: async (server) => {
      await server.deliver(SERVICES, service('a'), service('b'))
      return await server.rest(await server.watch(SERVICES, 'timeoutSeconds=1&resourceVersion=1'))
    },
    on: ['ADDED a', 'ADDED b'],
    off: ['ADDED b'],
  },
  watchDropsNextVersion: {
    it: 'a watch misses the change that comes right after the highest stored version, and sees the next one',
    play: async (server) => {
      await server.deliver(SERVICES, service('a'))
      const watch = await server.watch(SERVICES)
      await server.apply(service('b'))
      await server.quiet()
      await server.apply(service('c'))
      return await server.rest(watch)
    },
    on: ['ADDED a', 'ADDED c'],
    off: ['ADDED a', 'ADDED b', 'ADDED c'],
  },
  watchGap: {
    it: 'a change right after the replay of a watch is lost',
    play: async (server) => {
      const watch = await server.watch(SERVICES)
      await server.apply(service('early'))
      await server.quiet()
      await server.clock.advance(5)
      await server.apply(service('late'))
      return await server.rest(watch)
    },
    on: ['ADDED late'],
    off: ['ADDED early', 'ADDED late'],
  },
  noBookmarks: {
    it: 'the end of initial events is never told',
    play: async (server) => {
      const query = 'timeoutSeconds=1&sendInitialEvents=true&allowWatchBookmarks=true'
      const watch = await server.watch(SERVICES, query)
      await server.rest(watch)
      return watch.all.map(({ type, object }) => [type, object.metadata.annotations])
    },
    on: [],
    off: [
      ['BOOKMARK', { 'k8s.io/initial-events-end': 'true' }],
      ['BOOKMARK', {}],
    ],
  },
  slowReaderStalls: {
    it: 'a client that does not read stops all deliveries until it goes',
    play: playSlowReader,
    on: { stalled: true, watches: 1, afterwards: false },
    off: { stalled: false, watches: 0, afterwards: false },
  },
  listenersLostOnRestart: {
    it: 'a watch that is open while CloudCore restarts is silent until another one closes',
    play: async (server) => {
      const other = await server.watch('/api/v1/nodes')
      const watch = await server.watch(SERVICES)
      server.double.restartCloudcore()
      await server.clock.advance(0)
      await server.apply(service('a'))
      await server.quiet()
      const silent = [...watch.events]
      await other.close()
      await watch.until('ADDED a')
      return silent
    },
    on: [],
    off: ['ADDED a'],
  },
  offlineWatchStaysLocal: {
    it: 'a watch that was opened offline gets nothing when the cloud is back',
    play: async (server) => {
      server.double.setLink({ state: 'down' })
      const watch = await server.watch(SERVICES)
      server.double.setLink({ state: 'up' })
      await server.clock.advance(0)
      await server.apply(service('a'))
      return await server.rest(watch)
    },
    on: [],
    off: ['ADDED a'],
  },
  sharedApplications: {
    it: 'a watch falls silent when another one of the same URL closes',
    play: async (server) => {
      const [one, other] = [await server.watch(SERVICES), await server.watch(SERVICES)]
      await one.close()
      await expectWatches(server, 1)
      await server.apply(service('a'))
      return await server.rest(other)
    },
    on: [],
    off: ['ADDED a'],
  },
  selectorExitUntold: {
    it: 'an object that leaves the selector of a watch stays in it',
    play: async (server) => {
      await server.apply(service('a', { labels: { app: 'web' } }))
      const watch = await server.watch(`${SERVICES}?labelSelector=app%3Dweb`)
      await server.quiet()
      await server.apply(service('a', { labels: { app: 'other' } }))
      return await server.rest(watch)
    },
    on: ['ADDED a'],
    off: ['ADDED a', 'DELETED a'],
  },
  namespacedPodWatchSilent: {
    it: 'a watch of the Pods of one namespace tells nothing',
    play: async (server) => {
      const watch = await server.watch('/api/v1/namespaces/shop/pods')
      await server.apply(pod('web-1'))
      return await server.rest(watch)
    },
    on: [],
    off: ['ADDED web-1'],
  },
  unknownWatchCrashes: {
    it: 'a watch of a resource that does not exist ends CloudCore, until it is started again',
    play: async (server) => {
      await server.rest(await server.watch('/apis/example.org/v1/meshes'))
      const { cloudcoreCrashes, phase } = server.double.stats
      server.double.restartCloudcore()
      await server.clock.advance(0)
      return { cloudcoreCrashes, phase, afterwards: server.double.stats.phase }
    },
    on: { cloudcoreCrashes: 1, phase: 'down', afterwards: 'up' },
    off: { cloudcoreCrashes: 0, phase: 'up', afterwards: 'up' },
  },
  deniedWatchBlocks: {
    it: 'a watch of what CloudCore may not list stops its answers to everything else',
    play: async (server) => {
      server.double.deny({ group: '', version: 'v1', resource: 'secrets' })
      const opening = server.watch('/api/v1/secrets')
      await expectRequests(server, 1)
      await server.clock.advance(10_000)
      await (await opening).close()
      await server.apply(service('a'))
      const listing = server.names(SERVICES)
      await expectRequests(server, 2)
      await Promise.race([listing, server.clock.advance(10_000)])
      return { blocked: server.double.stats.blocked, names: await listing }
    },
    on: { blocked: true, names: [] },
    off: { blocked: false, names: ['a'] },
  },
  stopAndWait: {
    it: 'objects come one per round trip',
    play: async (server) => {
      server.double.setLink({ rttMs: 100 })
      await server.apply(service('a'), service('b'), service('c'))
      const opening = server.watch(SERVICES)
      await expectRequests(server, 1)
      await server.clock.advance(100)
      await opening
      await server.clock.advance(100)
      return server.double.stats.deliveries
    },
    on: 1,
    off: 3,
  },
  reordersKinds: {
    it: 'objects of different kinds overtake one another, those of a kind do not',
    play: playReordering,
    on: { across: 'overtaken', within: 'in order' },
    off: { across: 'in order', within: 'in order' },
  },
  dedupeBySync: {
    it: 'a wiped node is never given again what it once acknowledged',
    play: async (server) => {
      await server.deliver(SERVICES, service('a'))
      await server.double.restartEdge({ wipe: true })
      await server.clock.advance(5_000)
      await server.quiet()
      return server.double.stats.rows
    },
    on: 0,
    off: 1,
  },
  lostDeletes: {
    it: 'what was deleted while the link was down is replayed for ever',
    play: async (server) => {
      await server.deliver(SERVICES, service('a'), service('b'))
      server.double.setLink({ state: 'down' })
      await server.remove('a')
      server.double.setLink({ state: 'up' })
      await server.clock.advance(5_000)
      const events = await server.rest(await server.watch(SERVICES))
      return { events, ghosts: server.double.stats.ghosts }
    },
    on: { events: ['ADDED a', 'ADDED b'], ghosts: 1 },
    off: { events: ['ADDED b'], ghosts: 0 },
  },
  staleUidDeletes: {
    it: 'an object that was created anew while the link was down is deleted under its old uid',
    play: async (server) => {
      server.double.setFaults({ lostDeletes: true })
      await server.apply(service('a'))
      const watch = await server.watch(SERVICES, 'timeoutSeconds=20')
      await server.quiet()
      const [first] = server.store.list({ kind: kindOf(server, 'Service'), namespace: 'shop' }).items
      server.double.setLink({ state: 'down' })
      await server.remove('a')
      await server.apply(service('a'))
      server.double.setLink({ state: 'up' })
      await server.clock.advance(5_000)
      await server.quiet()
      await server.clock.advance(15_000)
      await watch.end()
      return watch.all.some(
        ({ type, object }) => type === 'DELETED' && object.metadata.uid === first?.metadata.uid,
      )
    },
    on: true,
    off: false,
  },
  kindlessResend: {
    it: 'after a restart of CloudCore a changed object is acknowledged and not stored',
    play: async (server) => {
      const path = '/api/v1/namespaces/shop/endpoints'
      await server.deliver(path, endpoints('web', '10.1.0.1'))
      server.double.restartCloudcore()
      await server.apply(endpoints('web', '10.1.0.2'))
      await server.clock.advance(5_000)
      await server.quiet()
      server.double.setLink({ state: 'down' })
      return (await server.send(`${path}/web`)).body.subsets[0].addresses[0].ip
    },
    on: '10.1.0.1',
    off: '10.1.0.2',
  },
  guessedResource: {
    it: 'a Gateway is stored as one of "gatewaies", and never seen in a watch',
    play: async (server) => {
      const path = '/apis/example.org/v1/namespaces/shop/gateways'
      const kind = {
        group: 'example.org',
        version: 'v1',
        kind: 'Gateway',
        plural: 'gateways',
        namespaced: true,
      }
      server.store.kinds.define('gateways.example.org', [{ ...kind, schema: ANY_SCHEMA, columns: [] }])
      const watch = await server.watch(path)
      await server.apply({
        apiVersion: 'example.org/v1',
        kind: 'Gateway',
        metadata: { namespace: 'shop', name: 'front' },
      })
      return await server.rest(watch)
    },
    on: [],
    off: ['ADDED front'],
  },
  olderOverwrites: {
    it: 'a delayed delivery replaces what a GET stored meanwhile',
    play: async (server) => {
      server.double.setLink({ rttMs: 0 })
      await server.apply(service('a', { spec: { clusterIP: '10.96.0.1' } }))
      const watch = await server.watch(SERVICES)
      await server.quiet()
      server.double.setLink({ rttMs: 1_000 })
      await server.apply(service('a', { spec: { clusterIP: '10.96.0.2' } }))
      server.double.setLink({ rttMs: 0 })
      // The change above is on its way for half a second; the one below is overtaken by a GET.
      await server.apply(service('a', { spec: { clusterIP: '10.96.0.3' } }))
      await server.send(`${SERVICES}/a`)
      await server.clock.advance(500)
      server.double.setLink({ state: 'down' })
      const { body } = await server.send(`${SERVICES}/a`)
      await watch.close()
      return body.spec.clusterIP
    },
    on: '10.96.0.2',
    off: '10.96.0.3',
  },
  noOfflineRestart: {
    it: 'in secure mode nothing listens after a restart without the cloud, until it is back',
    play: async (server) => {
      server.double.setLink({ state: 'down' })
      await server.double.restartEdge()
      const { listening } = server.double.stats
      server.double.setLink({ state: 'up' })
      await expect.poll(() => server.double.stats.listening).toBe(true)
      return listening
    },
    on: false,
    off: true,
  },
}

describe.each(Object.entries(SCENARIOS) as [Flag, Scenario][])(
  '%s',
  (flag, { it: sentence, play, on, off }) => {
    const options =
      flag === 'noOfflineRestart' ? { secure: { tokens: [], names: [] } } : { watchQueueLength: 5 }
    it(`on: ${sentence}`, async () => {
      await using server = await RunningMetaServer.start({ [flag]: true }, options)
      expect(await play(server)).toEqual(on)
    })

    it('off: not so', async () => {
      await using server = await RunningMetaServer.start({ [flag]: false }, options)
      expect(await play(server)).toEqual(off)
    })
  },
)

describe('endpointSliceLists', () => {
  it.each([
    ['released', 'all slices that have a port named https', ['127.0.0.1', '10.1.0.1,10.1.0.2']],
    ['master', 'all slices', ['127.0.0.1', '127.0.0.1']],
    ['off', 'no slice', ['10.1.0.1,10.1.0.2', '10.1.0.1,10.1.0.2']],
  ] as const)('%s: a LIST points %s at MetaServer, a watch and a GET tell the truth', async (...row) => {
    const [endpointSliceLists, , expected] = row
    await using server = await RunningMetaServer.start({ endpointSliceLists })
    await server.apply(slice('a', 'https'), slice('b', 'http'))
    const { body } = await server.send(SLICES)
    expect(body.items.map(addressesOf)).toEqual(expected)
    expect(addressesOf((await server.send(`${SLICES}/a`)).body)).toBe('10.1.0.1,10.1.0.2')
    const watch = await server.watch(SLICES)
    await server.rest(watch)
    expect(watch.all.map(({ object }) => addressesOf(object))).toEqual(Array(2).fill('10.1.0.1,10.1.0.2'))
  })
})

describe('releases', () => {
  it('have every fault but the rare ones, and ruin slices each in its own way', () => {
    expect(faultsOf('v1.23')).toEqual({
      ...ALL_FAULTS,
      staleUidDeletes: false,
      endpointSliceLists: 'released',
    })
    expect(faultsOf('master').endpointSliceLists).toBe('master')
    expect(Object.values(NO_FAULTS).filter((value) => value === true)).toEqual([])
  })
})

async function playSlowReader(server: RunningMetaServer): Promise<unknown> {
  const request = get(`${server.double.url}${ALL_SERVICES}?watch=1`, { agent: false })
  // Nothing is read beyond the headers.
  const [response]: IncomingMessage[] = await once(request, 'response')
  response?.on('error', () => 'cut off')
  const weight = 'x'.repeat(1_000_000)
  const isOver = (): boolean => server.double.stats.watches === 0 || server.double.stats.stalled
  for (let count = 0; count < 60 && !isOver(); count++) {
    await server.apply(service(`heavy-${count}`, { weight }))
    await server.clock.advance(0)
  }
  const { stalled, watches } = server.double.stats
  response?.destroy()
  await expect.poll(() => server.double.stats.queued).toBe(0)
  return { stalled, watches, afterwards: server.double.stats.stalled }
}

async function playReordering(server: RunningMetaServer): Promise<unknown> {
  const numbers = [1, 2, 3, 4, 5, 6]
  const watches = [await server.watch(SERVICES), await server.watch('/api/v1/namespaces/shop/endpoints')]
  const order: string[] = []
  server.double.setFaults({ stopAndWait: true })
  server.double.setLink({ rttMs: 10 })
  for (const number of numbers) await server.apply(service(`s${number}`), endpoints(`e${number}`))
  for (let turn = 0; turn < 2 * numbers.length + 1; turn++) {
    await server.clock.advance(10)
    await expect
      .poll(() => watches.flatMap(({ events }) => events).length)
      .toBe(server.double.stats.deliveries)
    for (const { events } of watches) order.push(...events.filter((event) => !order.includes(event)))
  }
  const straight = numbers.flatMap((number) => [`ADDED s${number}`, `ADDED e${number}`])
  const within = ['s', 'e'].every((kind) => {
    const seen = order.filter((event) => event.startsWith(`ADDED ${kind}`))
    return seen.join() === seen.toSorted().join() && seen.length === numbers.length
  })
  return {
    across: order.join() === straight.join() ? 'in order' : 'overtaken',
    within: within ? 'in order' : 'overtaken',
  }
}

async function expectWatches(server: RunningMetaServer, count: number): Promise<void> {
  await expect.poll(() => server.double.stats.watches).toBe(count)
}

async function expectRequests(server: RunningMetaServer, count: number): Promise<void> {
  await expect.poll(() => server.double.stats.cloudRequests).toBe(count)
}

function kindOf(server: RunningMetaServer, name: string) {
  const kind = server.store.kinds.find('v1', name)
  if (kind === undefined) throw new Error(`no kind ${name}`)
  return kind
}

function addressesOf(object: object): string {
  const { endpoints: found } = object as { endpoints: { addresses: string[] }[] }
  return found.map(({ addresses }) => addresses.join()).join()
}
