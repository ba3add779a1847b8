import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Edge } from '../support/edge.ts'
import { endpoints, service, slice } from '../support/objects.ts'
import { eventually } from '../support/running-metadata.ts'

const WEB = 'shop/web:https'

/** Objects of a Service whose port is `https`: the name that released versions look for. */
function secure<Value>(objects: Value): Value {
  return JSON.parse(JSON.stringify(objects).replaceAll('"http"', '"https"'))
}

function cluster(...addresses: readonly string[]): object[] {
  return secure([
    service('web', '10.96.0.1'),
    slice('web-1', 'web', addresses),
    endpoints('web', addresses),
    service('api', '10.96.0.2'),
    slice('api-1', 'api', ['edge-1/10.2.0.1']),
    endpoints('api', ['edge-1/10.2.0.1']),
  ])
}

describe.each(['released', 'master'] as const)('with slices spoilt as by %s', (endpointSliceLists) => {
  it('endpoints are right all the same, and follow what changes', async () => {
    await using edge = await Edge.start(cluster('edge-1/10.1.0.1', 'edge-2/10.1.0.2'), {
      faults: { endpointSliceLists },
    })
    const seen = new Set<string>()
    edge.running.services.watch((changed) => {
      for (const ip of edge.running.endpoints(changed)) seen.add(ip)
    })
    await eventually(() => {
      expect(edge.running.endpoints(WEB)).toEqual(['10.1.0.1', '10.1.0.2'])
      expect(edge.running.endpoints('shop/api:https')).toEqual(['10.2.0.1'])
    })
    await edge.watching(4)
    await edge.double.apply(cluster('edge-2/10.1.0.2', 'edge-3/10.1.0.3', 'edge-4/10.1.0.4'))
    await eventually(() => expect(edge.running.endpoints(WEB)).toEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4']))
    expect([...seen]).not.toContain('127.0.0.1')

    const warnings = edge.running.lines(
      'warn',
      'objects are spoilt on their way, what was known of them holds on',
    )
    expect(warnings).toMatchObject([{ fields: { kind: 'endpointslices', first: 'shop/api-1' } }])
    const spoilt = { kind: 'endpointslices' }
    expect(
      edge.running.deps.metrics.value('edgeway_metadata_corrupted_objects_total', spoilt),
    ).toBeGreaterThan(1)
  })

  it('endpoints are right after a restart with the source away', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-slices-'))
    await using edge = await Edge.start(cluster('edge-1/10.1.0.1', 'edge-2/10.1.0.2'), {
      faults: { endpointSliceLists },
      storeFile: join(folder.path, 'edgeway.db'),
    })
    await eventually(() => expect(edge.running.endpoints(WEB)).toHaveLength(2))
    await edge.goOffline()
    await edge.double.restartEdge({ wipe: true })

    await edge.restartMetadata()
    expect(edge.running.endpoints(WEB)).toEqual(['10.1.0.1', '10.1.0.2'])
    expect(edge.running.services.loaded).toBe(true)
  })
})

it('slices that come from the store while the cloud is away are no reason to follow Endpoints', async () => {
  await using edge = await Edge.start(cluster('edge-1/10.1.0.1'), {
    faults: { endpointSliceLists: 'off' },
    // Only a doubt brings it to light.
    probeIntervalMs: 3_600_000,
    relistIntervalMs: 20,
    watchTimeoutSeconds: 1,
  })
  edge.double.setLink({ state: 'down' })
  await eventually(() => expect(edge.lists('local', 'endpointslices')).toBeGreaterThan(0))
  await eventually(() => expect(edge.status.source.stale).toBe(true))
  expect(edge.status.kinds).not.toHaveProperty('endpoints')

  edge.double.setLink({ state: 'up' })
  await eventually(() => expect(edge.status.source.stale).toBe(false))
  expect(edge.status.kinds).not.toHaveProperty('endpoints')
})
