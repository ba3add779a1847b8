import { formatEndpoint, formatServicePortName, type NodeName, type ServicePortName } from '@edgeway/core'
import { ApiDouble, ApiDoubleClient, ObjectStore, StatusError } from '@edgeway/testbed'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { node, service, slice } from './support/objects.ts'
import { eventually, RunningMetadata } from './support/running-metadata.ts'

/** What a cluster has, in the simplest form. */
interface Truth {
  /** ClusterIP by name. */
  readonly services: Map<string, string>
  /** Service and addresses by the slice's name. */
  readonly slices: Map<string, { readonly of: string; readonly addresses: readonly string[] }>
  readonly nodes: Map<string, string>
}

interface Cluster {
  readonly truth: Truth
  readonly store: ObjectStore
  readonly client: ApiDoubleClient
  double: ApiDouble
}

type Step = (cluster: Cluster) => Promise<void>

const NAMES = ['a', 'b', 'c']
const name = fc.constantFrom(...NAMES)
const address = fc.constantFrom('edge-1/10.1.0.1', 'edge-2/10.1.0.1', 'edge-1/10.1.0.2', 'edge-2/10.1.0.3')

/** A Service's ClusterIP is its own for ever, as in a cluster it is at any one time. */
const setService = fc.tuple(name, fc.nat(9)).map(([of, host]): [string, Step] => {
  const ip = `10.96.${NAMES.indexOf(of)}.${host}`
  const step: Step = async ({ client, truth }) => {
    await client.apply([service(of, ip)])
    truth.services.set(of, ip)
  }
  return [`service ${of} ${ip}`, step]
})

const setSlice = fc.tuple(name, name, fc.uniqueArray(address)).map(([own, of, addresses]): [string, Step] => {
  const step: Step = async ({ client, truth }) => {
    await client.apply([slice(own, of, addresses)])
    truth.slices.set(own, { of, addresses })
  }
  return [`slice ${own} of ${of}: ${addresses}`, step]
})

const setNode = fc.tuple(name, name).map(([own, label]): [string, Step] => {
  const step: Step = async ({ client, truth }) => {
    await client.apply([node(own, { label })])
    truth.nodes.set(own, label)
  }
  return [`node ${own} ${label}`, step]
})

const DELETIONS = { Service: 'services', EndpointSlice: 'slices', Node: 'nodes' } as const

const remove = fc
  .tuple(fc.constantFrom('Service', 'EndpointSlice', 'Node'), name)
  .map(([kind, own]): [string, Step] => {
    const step: Step = async ({ client, truth }) => {
      const key = kind === 'Node' ? own : `shop/${own}`
      await client.delete(kind, key).catch((error: unknown) => {
        if (!(error instanceof StatusError)) throw error
      })
      truth[DELETIONS[kind]].delete(own)
    }
    return [`delete ${kind} ${own}`, step]
  })

const disturb = fc.constantFrom<[string, Step]>(
  ['cut', async ({ double }) => double.cutConnections()],
  ['forget the history', async ({ store }) => store.compact()],
  [
    'restart',
    async (cluster) => {
      const { port } = cluster.double
      await cluster.double[Symbol.asyncDispose]()
      cluster.double = await ApiDouble.start(cluster.store, { port })
    },
  ],
)

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: setService },
    { weight: 4, arbitrary: setSlice },
    { weight: 2, arbitrary: setNode },
    { weight: 3, arbitrary: remove },
    { weight: 2, arbitrary: disturb },
  ),
  { minLength: 20, maxLength: 60 },
)

function portOf(own: string): ServicePortName {
  return formatServicePortName('shop', own, 'http')
}

function endpointsIn({ services, slices }: Truth, own: string): string[] {
  const of = [...slices.values()].filter((one) => one.of === own && services.has(own))
  const found = of.flatMap(({ addresses }) => addresses.map((text) => `${text}:8080/TCP`))
  return [...new Set(found)].toSorted()
}

function expectTruth(running: RunningMetadata, truth: Truth): void {
  expect(running.serviceNames).toEqual([...truth.services.keys()].toSorted())
  for (const own of NAMES) {
    const clusterIp = truth.services.get(own)
    expect(running.services.servicePort(portOf(own))?.clusterIps[0]).toBe(clusterIp)
    if (clusterIp !== undefined) expect(running.services.lookup(clusterIp, 80, 'TCP')?.name).toBe(portOf(own))
    const endpoints = running.services.endpoints(portOf(own))
    expect(endpoints.map(formatEndpoint).toSorted()).toEqual(endpointsIn(truth, own))
    for (const endpoint of endpoints) expect(running.services.hasEndpoint(endpoint)).toBe(true)
    expect(running.metadata.nodes.node(own as NodeName)?.labels['label']).toBe(truth.nodes.get(own))
  }
}

it('is equal to the cluster in the end, whatever happened and wherever the connection broke', async () => {
  const property = fc.asyncProperty(steps, async (chosen) => {
    const store = new ObjectStore({ admission: false })
    const double = await ApiDouble.start(store)
    const truth: Truth = { services: new Map(), slices: new Map(), nodes: new Map() }
    const cluster: Cluster = { truth, store, double, client: new ApiDoubleClient(double.url) }
    await using closing = new AsyncDisposableStack()
    closing.defer(async () => await cluster.double[Symbol.asyncDispose]())
    const running = closing.use(await RunningMetadata.start(double.url, { watchTimeoutSeconds: 1 }))

    for (const [, step] of chosen) await step(cluster)
    await eventually(() => expectTruth(running, truth))
    expect(running.deps.fatal).toEqual([])
  })
  await fc.assert(property, { numRuns: 25 })
}, 60_000)
