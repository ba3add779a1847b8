import { FakeComponentDeps, runControllers } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { metadataMetrics } from '../../src/metrics.ts'
import type { ReflectedKind } from '../../src/reflector/reflected-kind.ts'
import { Reflector } from '../../src/reflector/reflector.ts'
import { openSource } from '../../src/source/source.ts'
import { SourceHealth } from '../../src/source/source-health.ts'
import { Edge } from '../support/edge.ts'
import { endpoints, service, slice } from '../support/objects.ts'
import { eventually } from '../support/running-metadata.ts'

const SLICES = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' }
/** Of the reflector alone. */
const OPTIONS = {
  listTimeoutMs: 2_000,
  watchTimeoutSeconds: 270,
  relistIntervalMs: 450_000,
  minRetryDelayMs: 5,
  maxRetryDelayMs: 20,
}
const WEB = 'shop/web:http'
const OBJECTS = [
  service('web', '10.96.0.1'),
  slice('web-1', 'web', ['edge-1/10.1.0.1']),
  endpoints('web', ['edge-1/10.1.0.1']),
]

describe('a kind that may not be read', () => {
  it('is never watched, and taken up when it may be', async () => {
    await using edge = await Edge.prepare()
    edge.double.deny(SLICES)
    await edge.double.apply(OBJECTS)
    await edge.restartMetadata()
    await eventually(() => expect(edge.running.endpoints(WEB)).toEqual(['10.1.0.1']))
    expect(edge.status.kinds['endpointslices']?.lastList).toBe('void')
    expect(edge.stats).toMatchObject({ cloudcoreCrashes: 0, blocked: false })

    edge.double.deny(SLICES, false)
    await eventually(() => expect(edge.status.kinds['endpointslices']?.lastList).toBe('authoritative'))
    await edge.watching(4)
    expect(edge.running.endpoints(WEB)).toEqual(['10.1.0.1'])
    expect(edge.stats).toMatchObject({ cloudcoreCrashes: 0, blocked: false })
  })
})

describe('a kind that may not be read any more', () => {
  it('is not watched again when its watch ends, and followed on when it may be', async () => {
    await using edge = await Edge.start(OBJECTS, { watchTimeoutSeconds: 1 })
    edge.double.deny(SLICES)
    await eventually(() => expect(edge.status.kinds['endpointslices']?.lastList).toBe('local'))
    await edge.double.apply([service('api', '10.96.0.2'), service('new', '10.96.0.3')])
    await eventually(() => expect(edge.running.serviceNames).toContain('new'))
    expect(edge.stats).toMatchObject({ cloudcoreCrashes: 0, blocked: false })
    expect(edge.running.endpoints(WEB)).toEqual(['10.1.0.1'])

    edge.double.deny(SLICES, false)
    await eventually(() => expect(edge.status.kinds['endpointslices']?.lastList).toBe('authoritative'))
  })
})

describe('a kind that does not exist', () => {
  const POLICY = { group: 'edgeway.io', version: 'v1alpha1', resource: 'meshpolicies' }
  const KIND: ReflectedKind<string> = {
    name: 'meshpolicies',
    path: `/apis/${POLICY.group}/${POLICY.version}/meshpolicies`,
    optional: true,
    map: ({ name }) => name,
  }
  const DEFINITION = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'meshpolicies.edgeway.io' },
    spec: {
      group: POLICY.group,
      scope: 'Namespaced',
      names: {
        kind: 'MeshPolicy',
        plural: 'meshpolicies',
        singular: 'meshpolicy',
        listKind: 'MeshPolicyList',
      },
      versions: [
        {
          name: POLICY.version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  }

  it.each([
    ['hides that', true],
    ['says so', false],
  ])('where MetaServer %s, is never watched, and taken up when it comes', async (_, maskListErrors) => {
    await using edge = await Edge.start([], { faults: { maskListErrors } })
    using _controllers = runControllers(edge.store)
    const deps = new FakeComponentDeps()
    const stop = new AbortController()
    const found: string[] = []
    const reflector = new Reflector(KIND, OPTIONS, {
      source: await openSource({ kind: 'metaserver', url: edge.double.url }),
      health: new SourceHealth(() => 0),
      logger: deps.logger,
      metrics: metadataMetrics(deps.metrics),
      timeout: AbortSignal.timeout.bind(AbortSignal),
      stop: stop.signal,
      onListed: () => undefined,
      probe: { ask: async () => undefined },
      onUnreliable: () => undefined,
      onChanges: (changes) => found.push(...changes.map(({ key }) => key)),
    })
    const running = reflector.run()
    const asked = edge.stats.cloudRequests
    await eventually(() => expect(edge.stats.cloudRequests).toBeGreaterThan(asked + 5))
    expect(edge.stats).toMatchObject({ cloudcoreCrashes: 0, watches: 3 })

    await edge.double.apply([DEFINITION])
    await edge.watching(4)
    await edge.double.apply([
      service('other', '10.96.0.1'),
      {
        apiVersion: 'edgeway.io/v1alpha1',
        kind: 'MeshPolicy',
        metadata: { namespace: 'shop', name: 'calm' },
        spec: {},
      },
    ])
    await eventually(() => expect(found).toEqual(['shop/calm']))
    expect(edge.stats.cloudcoreCrashes).toBe(0)
    stop.abort()
    await running
  })
})
