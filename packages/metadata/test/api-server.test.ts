import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiDouble, ApiDoubleClient, kubeconfigFor, ObjectStore, parseManifests } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import type { MetadataOptions } from '../src/metadata.ts'
import { service } from './support/objects.ts'
import { eventually, RunningMetadata } from './support/running-metadata.ts'
import { type Answer, list, openWatch, ScriptedSource, watch } from './support/scripted-source.ts'

/** Follows an API server through a kubeconfig. */
async function follow(url: string, options: Partial<MetadataOptions> = {}): Promise<RunningMetadata> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'kubeconfig-'))
  const kubeconfig = join(folder.path, 'config')
  const plain = kubeconfigFor({ url }).replace('"cluster":{', '"cluster":{"insecure-skip-tls-verify":true,')
  await writeFile(kubeconfig, plain)
  return await RunningMetadata.start(url, { ...options, source: { kind: 'apiserver', kubeconfig } })
}

/** Queries with which a path was asked for, besides its answers. */
function noting(queries: URLSearchParams[], answer: Answer): Answer {
  return (response, request) => {
    queries.push(new URL(request.url ?? '', 'http://source').searchParams)
    answer(response, request)
  }
}

const WEB = service('web', '10.96.0.1', { uid: 'u1', resourceVersion: '5' })
const API = service('api', '10.96.0.2', { uid: 'u2', resourceVersion: '6' })
const PAGE = { resourceVersion: '10', continue: 'a token/with=signs' }

describe('an API server', () => {
  it('is listed in pages, which make one list', async () => {
    const store = new ObjectStore({ admission: false })
    await using double = await ApiDouble.start(store)
    const many = Array.from({ length: 501 }, (_, index) =>
      service(`s${index}`, `10.97.${index >> 8}.${index & 255}`),
    )
    for (const { ref, object } of parseManifests(
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: many }),
    ))
      store.create(ref, object)
    await using running = await follow(double.url)
    await eventually(() => expect(running.serviceNames).toHaveLength(501))
    const lists = { kind: 'services', class: 'authoritative' }
    expect(running.deps.metrics.value('edgeway_metadata_lists_total', lists)).toBe(1)

    await new ApiDoubleClient(double.url).delete('Service', 'shop/s500')
    await eventually(() => expect(running.serviceNames).toHaveLength(500))
  })

  it('whose pages are of a forgotten history is listed at once', async () => {
    const queries: URLSearchParams[] = []
    await using source = await ScriptedSource.start({
      services: [
        noting(queries, list([WEB], PAGE)),
        noting(queries, (response) => void response.writeHead(410).end('{"message":"too old"}')),
        noting(queries, list([WEB, API], { resourceVersion: '12' })),
      ],
      'services?watch': [openWatch()],
    })
    await using running = await follow(source.url)
    await eventually(() => expect(running.serviceNames).toEqual(['api', 'web']))
    expect(queries.slice(0, 3).map((query) => Object.fromEntries(query))).toEqual([
      { limit: '500' },
      { limit: '500', continue: PAGE.continue },
      {},
    ])
    expect(
      running
        .lines('warn', 'source does not answer, trying again')
        .filter(({ fields }) => fields['kind'] === 'services'),
    ).toEqual([])
  })

  it('whose second page breaks off has not been listed', async () => {
    const attached = Promise.withResolvers<void>()
    const whenAttached: Answer = (response, request) =>
      void attached.promise.then(() => list([WEB, API])(response, request))
    await using source = await ScriptedSource.start({
      services: [list([WEB], PAGE), (response) => response.destroy(), whenAttached],
      'services?watch': [openWatch()],
    })
    await using running = await follow(source.url)
    const seen = new Set<string>()
    running.services.watch(() => void seen.add(running.serviceNames.join()))
    expect(running.serviceNames).toEqual([])
    attached.resolve()
    await eventually(() => expect(running.serviceNames).toEqual(['api', 'web']))
    expect([...seen]).toEqual(['api,web'])
  })

  it('is asked for bookmarks, and watched on from the last one', async () => {
    const queries: URLSearchParams[] = []
    const bookmark = { type: 'BOOKMARK', object: { kind: 'Service', metadata: { resourceVersion: '77' } } }
    await using source = await ScriptedSource.start({
      services: [list([WEB])],
      'services?watch': [noting(queries, watch(bookmark)), noting(queries, openWatch())],
    })
    await using running = await follow(source.url)
    await eventually(() => expect(queries).toHaveLength(2))
    expect(queries.map((query) => [query.get('resourceVersion'), query.get('allowWatchBookmarks')])).toEqual([
      ['10', 'true'],
      ['77', 'true'],
    ])
    expect(source.asked('services')).toBe(1)
    expect(running.serviceNames).toEqual(['web'])
  })

  it('that has forgotten the history of a watch is listed anew', async () => {
    const store = new ObjectStore({ admission: false })
    await using double = await ApiDouble.start(store)
    const client = new ApiDoubleClient(double.url)
    await client.apply([service('web', '10.96.0.1'), service('old', '10.96.0.9')])
    // Ends often, and goes on from a version that is forgotten.
    await using running = await follow(double.url, { watchTimeoutSeconds: 1 })
    await eventually(() => expect(running.serviceNames).toEqual(['old', 'web']))
    double.cutConnections()
    await client.delete('Service', 'shop/old')
    await client.apply([service('api', '10.96.0.2')])
    store.compact()
    await eventually(() => expect(running.serviceNames).toEqual(['api', 'web']))
  })
})
