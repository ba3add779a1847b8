import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DestinationPolicy } from '@edgeway/core'
import {
  type ApiObject,
  destinationRuleDefinition,
  destinationRuleObject,
  type IstioVersion,
  runControllers,
} from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { Edge } from './support/edge.ts'
import { service } from './support/objects.ts'
import { eventually } from './support/running-metadata.ts'

const RULES = { group: 'networking.istio.io', resource: 'destinationrules' }
const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  name: 'destinationrules.networking.istio.io',
}
const KIND = 'destinationrules'

type Setting = NonNullable<Parameters<typeof Edge.prepare>[0]>

/** Watches end often, and nothing is listed meanwhile: what goes away between a list and its watch ends cloudcore. */
const WATCHING = { relistIntervalMs: 450_000, watchTimeoutSeconds: 1 }

/** A node with the Service `shop/web`, whose cluster may have DestinationRules. */
class Cluster implements AsyncDisposable {
  readonly edge: Edge
  readonly #controllers: Disposable

  private constructor(edge: Edge) {
    this.edge = edge
    this.#controllers = runControllers(edge.store)
  }

  static async start(objects: readonly object[], setting: Setting = {}): Promise<Cluster> {
    const edge = await Edge.prepare({ relistIntervalMs: 50, ...setting })
    const cluster = new Cluster(edge)
    await edge.double.apply([service('web', '10.96.0.1')])
    for (const object of objects) await edge.double.apply([object])
    await edge.restartMetadata()
    await edge.running.services.whenLoaded(AbortSignal.timeout(15_000))
    return cluster
  }

  get policy(): DestinationPolicy | undefined {
    return this.edge.running.services.service('shop', 'web')?.destinationPolicy
  }

  get lastList(): string | undefined {
    return this.edge.status.kinds[KIND]?.lastList
  }

  /** Lines about DestinationRules, or of the cluster's worth. */
  lines(level: string): string[] {
    const { lines } = this.edge.running.deps.logger
    return lines
      .filter((line) => line.level === level && line.fields['kind'] === KIND)
      .map(({ message }) => message)
  }

  get problems(): unknown[] {
    return this.edge.running
      .lines('warn', 'part of a DestinationRule is ignored')
      .map(({ fields: { destinationRule, problem } }) => [destinationRule, problem])
  }

  async untilPolicyIs(policy: object | undefined): Promise<void> {
    await eventually(() => {
      if (policy === undefined) expect(this.policy).toBeUndefined()
      else expect(this.policy).toMatchObject(policy)
    })
  }

  async delete(object: ApiObject): Promise<void> {
    const { namespace, name } = object.metadata
    const { apiVersion, kind } = object
    await this.edge.double.delete({
      apiVersion,
      kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.edge[Symbol.asyncDispose]()
    this.#controllers[Symbol.dispose]()
  }
}

function calm(simple: string, version: IstioVersion = 'v1'): ApiObject {
  const trafficPolicy = { loadBalancer: { simple } }
  return destinationRuleObject({ namespace: 'shop', name: 'calm', host: 'web', trafficPolicy, version })
}

const RANDOM = { balancing: { kind: 'random' } }
const ROUND_ROBIN = { balancing: { kind: 'round-robin' } }

describe('a cluster without DestinationRules', () => {
  it.each([
    ['hides that', true],
    ['says so', false],
  ])('whose MetaServer %s is no worse off, and followed when it has some', async (_, maskListErrors) => {
    const double = { cloudTimeoutMs: 10_000 }
    await using cluster = await Cluster.start([], { double, faults: { maskListErrors } })
    const { edge } = cluster
    const absent = (): number => edge.lists('authoritative', KIND)
    await eventually(() => expect(absent()).toBeGreaterThan(2))
    expect(cluster.lastList).toBe('absent')
    expect(edge.status.source.stale).toBe(false)
    expect(edge.running.deps.readiness.shut).toEqual([])
    expect(cluster.lines('info')).toEqual(['source has no such kind, looking again now and then'])
    expect(cluster.lines('warn')).toEqual([])

    await edge.double.apply([destinationRuleDefinition()])
    await edge.double.apply([calm('RANDOM')])
    await cluster.untilPolicyIs(RANDOM)
    expect(edge.stats).toMatchObject({ cloudcoreCrashes: 0, blocked: false })
  })

  it('is asked for one thing only, and not again before a list is due', async () => {
    await using cluster = await Cluster.start([], { relistIntervalMs: 450_000 })
    const { edge } = cluster
    await eventually(() => expect(cluster.lastList).toBe('absent'))
    // Other kinds go on meanwhile: a loop without a pause makes many lists.
    for (let round = 0; round < 20; round++) await fetch(`${edge.double.url}/api/v1/services`)
    expect(edge.lists('authoritative', KIND)).toBe(1)
    expect(edge.stats).toMatchObject({ watches: 3, cloudcoreCrashes: 0 })
  })

  it('is asked again at once when the cloud comes back', async () => {
    await using cluster = await Cluster.start([], { relistIntervalMs: 450_000 })
    const { edge } = cluster
    await eventually(() => expect(cluster.lastList).toBe('absent'))
    await edge.goOffline()
    await edge.double.apply([destinationRuleDefinition()])
    await edge.double.apply([calm('RANDOM')])
    await edge.goOnline()
    await cluster.untilPolicyIs(RANDOM)
  })
})

describe('a DestinationRule', () => {
  it('comes, changes and goes with its effect', async () => {
    await using cluster = await Cluster.start([destinationRuleDefinition(), calm('RANDOM')], {
      relistIntervalMs: 450_000,
    })
    const { edge } = cluster
    await cluster.untilPolicyIs(RANDOM)
    await edge.watching(4)
    // MetaServer loses the first change after the start of a watch.
    await edge.double.apply([service('other', '10.96.0.2')])
    await eventually(() => expect(edge.running.serviceNames).toContain('other'))
    const told: string[] = []
    edge.running.services.watch((name) => void told.push(name))
    await edge.double.apply([calm('ROUND_ROBIN')])
    await cluster.untilPolicyIs(ROUND_ROBIN)
    await cluster.delete(calm(''))
    await cluster.untilPolicyIs(undefined)
    expect(told).toEqual(['shop/web:http', 'shop/web:http'])
  })

  it.each<{ readonly served: readonly IstioVersion[]; readonly written: IstioVersion }>([
    { served: ['v1beta1'], written: 'v1beta1' },
    { served: ['v1alpha3'], written: 'v1alpha3' },
    { served: ['v1alpha3', 'v1beta1'], written: 'v1alpha3' },
  ])('is found where the cluster serves $served', async ({ served, written }) => {
    await using cluster = await Cluster.start([destinationRuleDefinition(...served), calm('RANDOM', written)])
    await cluster.untilPolicyIs(RANDOM)
    expect(cluster.edge.stats.cloudcoreCrashes).toBe(0)
  })

  it('that is spoilt in parts has its other parts, and says once what is ignored', async () => {
    await using cluster = await Cluster.start([destinationRuleDefinition(), calm('RANDOM')])
    const { edge } = cluster
    await cluster.untilPolicyIs(RANDOM)
    const spoilt = destinationRuleObject({
      ...{ namespace: 'shop', name: 'calm', host: 'web' },
      trafficPolicy: {
        loadBalancer: { simple: 'ROUND_ROBIN' },
        connectionPool: { tcp: { maxConnections: -1 } },
      },
      others: { subsets: [{ name: 'v1' }] },
    })
    await edge.double.apply([spoilt])
    await cluster.untilPolicyIs({ ...ROUND_ROBIN, connectionPool: { maxConnections: undefined } })
    const listed = edge.lists('authoritative', KIND)
    await eventually(() => expect(edge.lists('authoritative', KIND)).toBeGreaterThan(listed + 2))
    expect(cluster.problems).toEqual([
      [
        'shop/calm',
        'spec.trafficPolicy.connectionPool.tcp.maxConnections: expected a whole number, 0 to 2147483647, found -1, ignored',
      ],
      ['shop/calm', 'spec.subsets: not supported, ignored (labels of pods are not watched)'],
    ])
    expect(edge.status.kinds[KIND]).toMatchObject({ malformed: 0, objects: 1 })
  })

  it('is kept for a start while the cloud is away', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-metadata-'))
    const storeFile = join(folder.path, 'edgeway.db')
    await using cluster = await Cluster.start([destinationRuleDefinition(), calm('RANDOM')], { storeFile })
    const { edge } = cluster
    await cluster.untilPolicyIs(RANDOM)
    edge.double.setLink({ state: 'down' })
    await edge.double.restartEdge({ wipe: true })
    await edge.restartMetadata()
    expect(cluster.policy).toMatchObject(RANDOM)
    await eventually(() => expect(cluster.lastList).toBe('void'))
    expect(cluster.policy).toMatchObject(RANDOM)

    await cluster.delete(calm(''))
    edge.double.setLink({ state: 'up' })
    await cluster.untilPolicyIs(undefined)
  })
})

describe('DestinationRules', () => {
  it('go with their definition', async () => {
    const definition = destinationRuleDefinition()
    await using cluster = await Cluster.start([definition, calm('RANDOM')], WATCHING)
    await cluster.untilPolicyIs(RANDOM)
    await cluster.edge.watching(4)
    await cluster.edge.double.delete(DEFINITION)
    await cluster.untilPolicyIs(undefined)
    await eventually(() => expect(cluster.lastList).toBe('absent'))
    expect(cluster.edge.stats.cloudcoreCrashes).toBe(0)
  })

  it('go with their definition, although MetaServer has them still', async () => {
    await using cluster = await Cluster.start([destinationRuleDefinition(), calm('RANDOM')])
    const { edge } = cluster
    await cluster.untilPolicyIs(RANDOM)
    await edge.watching(4)
    await edge.goOffline()
    await edge.double.delete(DEFINITION)
    expect(cluster.policy).toMatchObject(RANDOM)
    await edge.goOnline()
    await cluster.untilPolicyIs(undefined)
    await edge.restartMetadata()
    await eventually(() => expect(cluster.lastList).toBe('absent'))
    expect(cluster.policy).toBeUndefined()
  })

  it('that may not be read any more stay as they are', async () => {
    await using cluster = await Cluster.start([destinationRuleDefinition(), calm('RANDOM')], WATCHING)
    const { edge } = cluster
    await cluster.untilPolicyIs(RANDOM)
    await edge.watching(4)
    edge.double.deny({ ...RULES, version: 'v1' })
    await eventually(() => expect(['local', 'void']).toContain(cluster.lastList))
    expect(cluster.policy).toMatchObject(RANDOM)
    expect(edge.status.source.stale).toBe(false)
    expect(cluster.lines('warn')).toEqual([])

    edge.double.deny({ ...RULES, version: 'v1' }, false)
    await edge.double.apply([calm('ROUND_ROBIN')])
    await cluster.untilPolicyIs(ROUND_ROBIN)
    expect(edge.stats).toMatchObject({ cloudcoreCrashes: 0, blocked: false })
  })

  it('are followed where definitions may not be read', async () => {
    await using cluster = await Cluster.start([], { relistIntervalMs: 450_000 })
    const { edge } = cluster
    edge.double.deny({
      group: 'apiextensions.k8s.io',
      version: 'v1',
      resource: 'customresourcedefinitions',
    })
    await edge.double.apply([destinationRuleDefinition()])
    await edge.double.apply([calm('RANDOM')])
    await edge.restartMetadata()
    await cluster.untilPolicyIs(RANDOM)
    await edge.watching(4)
    expect(edge.stats).toMatchObject({ cloudcoreCrashes: 0, blocked: false })
  })
})
