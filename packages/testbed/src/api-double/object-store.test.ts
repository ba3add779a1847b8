import { describe, expect, it } from 'vitest'
import type { ApiObject, ObjectRef, WatchEvent } from './api-object.ts'
import { runControllers } from './controllers/controllers.ts'
import { type KindName, kindNamed } from './kinds.ts'
import { placeObject } from './manifests.ts'
import { ObjectStore } from './object-store.ts'

class TestStore implements Disposable {
  readonly store = new ObjectStore()
  readonly #controllers = runControllers(this.store)

  apply(object: object): ApiObject {
    const { ref, object: placed } = placeObject(object, this.store.kinds)
    return this.store.find(ref) === undefined
      ? this.store.create(ref, placed)
      : this.store.replace(ref, placed)
  }

  find(kind: KindName, name: string, namespace: string | undefined = 'default'): ApiObject | undefined {
    return this.store.find(refOf(kind, name, namespace))
  }

  [Symbol.dispose](): void {
    this.#controllers[Symbol.dispose]()
  }
}

function refOf(kind: KindName, name: string, namespace: string | undefined = 'default'): ObjectRef {
  const found = kindNamed(kind)
  return { kind: found, namespace: found.namespaced ? namespace : undefined, name }
}

function service(name: string, spec: object = { ports: [{ port: 80 }] }): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec }
}

const WIDGETS = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['size'],
                properties: {
                  size: { type: 'integer', minimum: 1 },
                  color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
                },
              },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
}

function widget(spec: object): Record<string, unknown> {
  return { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec }
}

describe('a Service', () => {
  it('gets the defaults of kube-apiserver and an address of its own', () => {
    using cluster = new TestStore()
    const first = cluster.apply(service('a'))
    const second = cluster.apply(service('b'))

    expect(first['spec']).toMatchObject({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    })
    const ips = [first, second].map(({ spec }) => (spec as { clusterIP: string }).clusterIP)
    expect(new Set(ips).size).toBe(2)
  })

  it('keeps its address when a write does not name it, and can not change it', () => {
    using cluster = new TestStore()
    cluster.apply(service('a', { clusterIP: '10.96.0.1', ports: [{ port: 80 }] }))

    expect(cluster.apply(service('a'))['spec']).toMatchObject({ clusterIP: '10.96.0.1' })
    expect(() => cluster.apply(service('a', { clusterIP: '10.96.0.2', ports: [{ port: 80 }] }))).toThrow(
      'may not change once set',
    )
  })

  it.each([
    [
      'a port out of range',
      { ports: [{ port: 70_000 }] },
      'spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    ['ports without names', { ports: [{ port: 1 }, { port: 2 }] }, 'spec.ports[0].name: Required value'],
    [
      'equal names',
      {
        ports: [
          { name: 'a', port: 1 },
          { name: 'a', port: 2 },
        ],
      },
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    ['no port', {}, 'spec.ports: Required value'],
    ['an unknown type', { type: 'Magic', ports: [{ port: 1 }] }, 'spec.type: Unsupported value: "Magic"'],
    ['no external name', { type: 'ExternalName' }, 'spec.externalName: Required value'],
  ])('is refused with %s, by field, value and expectation', (_what, spec, message) => {
    using cluster = new TestStore()
    expect(() => cluster.apply(service('a', spec))).toThrow(
      expect.objectContaining({ reason: 'Invalid', message: expect.stringContaining(message) }),
    )
  })

  it('is refused where its structure is wrong, before anything is checked', () => {
    using cluster = new TestStore()
    expect(() => cluster.apply(service('a', { ports: 'many' }))).toThrow(
      expect.objectContaining({ reason: 'BadRequest', message: expect.stringContaining('spec.ports') }),
    )
  })

  it('is refused when its address belongs to another', () => {
    using cluster = new TestStore()
    const spec = { clusterIP: '10.96.0.1', ports: [{ port: 80 }] }
    cluster.apply(service('a', spec))
    expect(() => cluster.apply(service('b', spec))).toThrow('provided IP is already allocated')
  })
})

describe('a write', () => {
  it('goes nowhere without its namespace', () => {
    using cluster = new TestStore()
    const object = { ...service('a'), metadata: { name: 'a', namespace: 'nowhere' } }
    expect(() => cluster.apply(object)).toThrow('namespaces "nowhere" not found')
  })

  it('that is a dry run says what would be, and changes nothing', () => {
    using cluster = new TestStore()
    const { ref, object } = placeObject(service('a'))
    const answer = cluster.store.create(ref, object, { dryRun: true })

    expect(answer['spec']).toMatchObject({ clusterIP: expect.any(String) })
    expect(cluster.find('Service', 'a')).toBeUndefined()
    expect(() => cluster.store.create(ref, { ...object, spec: {} }, { dryRun: true })).toThrow('spec.ports')
  })

  it('leaves out unknown fields, warns of them or refuses them, as it is asked', () => {
    using cluster = new TestStore()
    const { ref, object } = placeObject(service('a', { ports: [{ port: 80 }], colour: 'red' }))
    const warnings: string[] = []
    const answer = cluster.store.create(ref, object, {
      fieldValidation: 'Warn',
      warn: (text) => void warnings.push(text),
    })

    expect(answer['spec']).not.toHaveProperty('colour')
    expect(warnings).toEqual(['unknown field "spec.colour"'])
    expect(() => cluster.store.replace(ref, object, { fieldValidation: 'Strict' })).toThrow(
      'strict decoding error: unknown field "spec.colour"',
    )
  })

  it('is stored without nulls and without metadata that nobody knows', () => {
    using cluster = new TestStore()
    const written = cluster.apply({
      ...service('a', { ports: [{ port: 80, name: null }], selector: null }),
      metadata: { name: 'a', labels: null, finalizers: null, colour: 'red' },
    })
    expect(written['spec']).not.toHaveProperty('selector')
    expect(written['spec']).toMatchObject({ ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] })
    for (const field of ['labels', 'finalizers', 'colour']) expect(written.metadata).not.toHaveProperty(field)
  })

  it.each([[null], [{}], ['x']])('is refused with %j for an owner, and nothing is stored', (owner) => {
    using cluster = new TestStore()
    const object = { ...service('a'), metadata: { name: 'a', ownerReferences: [owner] } }
    expect(() => cluster.apply(object)).toThrow(expect.objectContaining({ code: 'ERR_API_STATUS' }))
    expect(cluster.find('Service', 'a')).toBeUndefined()
  })

  it('of the object leaves its status alone, and the other way round', () => {
    using cluster = new TestStore()
    cluster.apply(service('a'))
    const ref = refOf('Service', 'a')
    const status = { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } }
    cluster.store.replace(ref, { ...cluster.store.get(ref), status, spec: {} }, { subresource: 'status' })
    expect(cluster.store.get(ref)).toMatchObject({ status, spec: { ports: [{ port: 80 }] } })

    cluster.apply({ ...service('a'), status: {} })
    expect(cluster.store.get(ref)).toMatchObject({ status })
  })

  it('counts a new generation when the spec changes only', () => {
    using cluster = new TestStore()
    cluster.apply(WIDGETS)
    expect(cluster.apply(widget({ size: 1 })).metadata.generation).toBe(1)
    const labelled = { ...widget({ size: 1 }), metadata: { name: 'w', labels: { a: 'b' } } }
    expect(cluster.apply(labelled).metadata.generation).toBe(1)
    expect(cluster.apply(widget({ size: 2 })).metadata.generation).toBe(2)
  })

  it('counts generations of slices, which have no spec, and none of Services', () => {
    using cluster = new TestStore()
    const slice = (address: string): object => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 's' },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address] }],
    })
    expect(cluster.apply(slice('10.1.0.1')).metadata.generation).toBe(1)
    expect(cluster.apply(slice('10.1.0.2')).metadata.generation).toBe(2)
    expect(cluster.apply(service('a')).metadata).not.toHaveProperty('generation')
  })

  it('can not give a new object a version', () => {
    using cluster = new TestStore()
    const object = { ...service('a'), metadata: { name: 'a', resourceVersion: '7' } }
    expect(() => cluster.apply(object)).toThrow('resourceVersion should not be set on objects to be created')
  })
})

describe('a deletion', () => {
  it('waits for the finalizers', () => {
    using cluster = new TestStore()
    const object = { ...service('a'), metadata: { name: 'a', finalizers: ['example.com/hold'] } }
    cluster.apply(object)
    expect(cluster.store.delete(refOf('Service', 'a')).metadata.deletionTimestamp).toBeDefined()
    expect(cluster.find('Service', 'a')).toBeDefined()

    cluster.apply({ ...service('a'), metadata: { name: 'a', finalizers: [] } })
    expect(cluster.find('Service', 'a')).toBeUndefined()
  })

  it('takes what the object owned with it, unless that is to be orphaned', () => {
    using cluster = new TestStore()
    const owned = (uid: string | undefined, name: string): object => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'a', uid }] },
    })
    for (const [policy, left] of [
      ['Background', false],
      ['Orphan', true],
    ] as const) {
      const { metadata } = cluster.apply(service('a'))
      cluster.apply(owned(metadata.uid, 'of-a'))
      cluster.store.delete(refOf('Service', 'a'), { propagationPolicy: policy })
      expect(cluster.find('ConfigMap', 'of-a') !== undefined).toBe(left)
    }
  })

  it('takes what has several owners with the last of them', () => {
    using cluster = new TestStore()
    const owners = ['a', 'b'].map((name, index) =>
      cluster.apply(service(name, { ports: [{ port: 80 + index }] })),
    )
    const ownerReferences = owners.map(({ metadata: { name, uid } }) => ({
      apiVersion: 'v1',
      kind: 'Service',
      name,
      uid,
    }))
    cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'of-both', ownerReferences } })

    cluster.store.delete(refOf('Service', 'a'))
    expect(cluster.find('ConfigMap', 'of-both')).toBeDefined()
    cluster.store.delete(refOf('Service', 'b'))
    expect(cluster.find('ConfigMap', 'of-both')).toBeUndefined()
  })

  it('is refused when the object is not the one that was meant', () => {
    using cluster = new TestStore()
    cluster.apply(service('a'))
    const preconditions = { uid: 'another' }
    expect(() => cluster.store.delete(refOf('Service', 'a'), { preconditions })).toThrow(
      expect.objectContaining({ reason: 'Conflict' }),
    )
  })

  it.each(['default', 'kube-system', 'kube-public'])('is refused for namespace %s', (name) => {
    using cluster = new TestStore()
    expect(() => cluster.store.delete(refOf('Namespace', name))).toThrow(
      expect.objectContaining({ reason: 'Forbidden' }),
    )
  })

  it('of a namespace takes its content with it', async () => {
    using cluster = new TestStore()
    cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
    cluster.apply({ ...service('a'), metadata: { name: 'a', namespace: 'shop' } })
    const gone = Promise.withResolvers<WatchEvent>()
    using _ = cluster.store.onChange(({ kind }, event) => {
      if (kind === 'Namespace' && event.type === 'DELETED') gone.resolve(event)
    })
    expect(cluster.store.delete(refOf('Namespace', 'shop'))).toMatchObject({
      status: { phase: 'Terminating' },
    })
    await gone.promise

    expect(cluster.find('Service', 'a', 'shop')).toBeUndefined()
  })
})

describe('a custom resource', () => {
  it('is served once its definition is there, with defaults and checks, and goes with it', () => {
    using cluster = new TestStore()
    expect(cluster.apply(WIDGETS)).toMatchObject({
      status: {
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'Established', status: 'True' }),
        ]),
      },
    })
    expect(cluster.apply(widget({ size: 1, shape: 'round' }))['spec']).toEqual({ size: 1, color: 'red' })
    expect(() => cluster.apply(widget({ size: 0 }))).toThrow(
      'spec.size: Invalid value: 0: should be greater than or equal to 1',
    )
    expect(() => cluster.apply(widget({ size: 'big' }))).toThrow(
      'spec.size: Invalid value: "string": must be of type integer',
    )
    expect(() => cluster.apply(widget({ color: 'green' }))).toThrow(
      'Widget.example.com "w" is invalid: [spec.size: Required value, spec.color: Unsupported value: "green": supported values: "red", "blue"]',
    )

    cluster.store.delete(refOf('CustomResourceDefinition', 'widgets.example.com'))
    expect(() => cluster.apply(widget({ size: 1 }))).toThrow('kind not served')
  })

  it.each([
    ['^\\d\\-x$', '1-x', true],
    ['^\\d\\-x$', 'x', false],
    ['(?i)^GO$', 'go', true],
  ])('is checked by the pattern %s, as far as that can be read here', (...[pattern, color, isRight]) => {
    using cluster = new TestStore()
    const [version] = WIDGETS.spec.versions
    const schema = {
      type: 'object',
      properties: { spec: { type: 'object', properties: { color: { type: 'string', pattern } } } },
    }
    const versions = [{ ...version, schema: { openAPIV3Schema: schema } }]
    cluster.apply({ ...WIDGETS, spec: { ...WIDGETS.spec, versions } })
    const write = (): ApiObject => cluster.apply(widget({ color }))
    if (isRight) expect(write()).toMatchObject({ spec: { color } })
    else expect(write).toThrow('should match')
  })

  it.each([
    ['a name that is not its own', { metadata: { name: 'gadgets.example.com' } }, 'metadata.name'],
    [
      'no storage version',
      {
        spec: {
          ...WIDGETS.spec,
          versions: [
            { name: 'v1', served: true, storage: false, schema: { openAPIV3Schema: { type: 'object' } } },
          ],
        },
      },
      'spec.versions',
    ],
  ])('is not defined by a definition with %s', (_what, change, field) => {
    using cluster = new TestStore()
    expect(() => cluster.apply({ ...WIDGETS, ...change })).toThrow(field)
  })
})

describe('Endpoints of a Service without selector', () => {
  const endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'db' },
    subsets: [
      {
        addresses: [{ ip: '10.1.0.1', nodeName: 'edge-1' }],
        notReadyAddresses: [{ ip: '10.1.0.2' }],
        ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
      },
    ],
  }
  const slicesIn = ({ store }: TestStore): readonly ApiObject[] =>
    store.list({ kind: kindNamed('EndpointSlice'), namespace: undefined }).items
  /** The controller works after the change was told. */
  const settled = (): Promise<void> => Promise.resolve()

  it('are mirrored to slices, and the slices go with them', async () => {
    using cluster = new TestStore()
    cluster.apply(service('db', { ports: [{ name: 'sql', port: 5432 }] }))
    cluster.apply(endpoints)
    await settled()
    expect(slicesIn(cluster)).toMatchObject([
      {
        metadata: {
          labels: {
            'kubernetes.io/service-name': 'db',
            'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
          },
        },
        addressType: 'IPv4',
        ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
        endpoints: [
          { addresses: ['10.1.0.1'], conditions: { ready: true }, nodeName: 'edge-1' },
          { addresses: ['10.1.0.2'], conditions: { ready: false } },
        ],
      },
    ])

    cluster.store.delete(refOf('Endpoints', 'db'))
    await settled()
    expect(slicesIn(cluster)).toEqual([])
  })

  it('are mirrored anew when ports change or the Service comes later, and a slice that is not theirs stays', async () => {
    using cluster = new TestStore()
    cluster.apply(endpoints)
    await settled()
    expect(slicesIn(cluster)).toEqual([])

    cluster.apply(service('db', { ports: [{ name: 'sql', port: 5432 }] }))
    await settled()
    const own = slicesIn(cluster).map(({ metadata }) => metadata.name)
    cluster.apply({ ...slicesIn(cluster)[0], metadata: { name: 'mine', labels: {} } })
    cluster.apply({ ...endpoints, subsets: [{ addresses: [{ ip: '10.1.0.1' }], ports: [{ port: 1 }] }] })
    await settled()
    expect(slicesIn(cluster).map(({ metadata }) => metadata.name)).toEqual(['mine', expect.any(String)])
    expect(slicesIn(cluster).map(({ metadata }) => metadata.name)).not.toContain(own[0])
  })

  it('of several subsets with the same ports are one slice', async () => {
    using cluster = new TestStore()
    cluster.apply(service('db', { ports: [{ port: 5432 }] }))
    const ports = [{ port: 5432 }]
    const subsets = ['10.1.0.1', '10.1.0.2'].map((ip) => ({ addresses: [{ ip }], ports }))
    cluster.apply({ ...endpoints, subsets })
    await settled()
    expect(slicesIn(cluster)).toMatchObject([
      { endpoints: [{ addresses: ['10.1.0.1'] }, { addresses: ['10.1.0.2'] }] },
    ])
  })

  it('change in a namespace that is being terminated without anything new', async () => {
    using cluster = new TestStore()
    const there = { name: 'db', namespace: 'shop' }
    cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
    cluster.apply({ ...service('db', { ports: [{ port: 5432 }] }), metadata: there })
    cluster.apply({ ...endpoints, metadata: there, subsets: [] })
    cluster.store.delete(refOf('Namespace', 'shop'))
    cluster.apply({ ...endpoints, metadata: there })
    await settled()
    expect(slicesIn(cluster)).toEqual([])
  })

  it.each([
    ['the Service has a selector', { service: { selector: { app: 'db' } }, metadata: {} }],
    [
      'they say so',
      { service: {}, metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } },
    ],
    [
      'they are a leader election',
      { service: {}, metadata: { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } } },
    ],
  ])('are left alone when %s', async (_why, { service: spec, metadata }) => {
    using cluster = new TestStore()
    cluster.apply(service('db', { ports: [{ port: 5432 }], ...spec }))
    cluster.apply({ ...endpoints, metadata: { name: 'db', ...metadata } })
    await settled()
    expect(slicesIn(cluster)).toEqual([])
  })
})
