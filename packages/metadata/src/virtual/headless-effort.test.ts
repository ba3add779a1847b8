import type { Endpoint, Node, NodeName, ServicePortName } from '@edgeway/core'
import { MemoryLogger, MemoryMetrics, nodeOf } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { FakeStore, headlessService, PG } from '../../test/support/headless-cluster.ts'
import { ClusterDirectory } from '../directory/cluster-directory.ts'
import type { EndpointSlice } from '../mappers/endpoint-slice-mapper.ts'
import { DEFAULT_VIRTUAL_ADDRESS_OPTIONS } from './options.ts'
import { VirtualAddresses } from './virtual-addresses.ts'

const OWN = 'edge-1' as NodeName

/** Counts how often it is asked. */
class CountingDirectory extends ClusterDirectory {
  endpointsAsked = 0
  nodesAsked = 0

  override endpoints(name: ServicePortName): readonly Endpoint[] {
    this.endpointsAsked += 1
    return super.endpoints(name)
  }

  override node(name: NodeName): Node | undefined {
    this.nodesAsked += 1
    return super.node(name)
  }
}

function virtualAddressesOf(directory: ClusterDirectory, store = new FakeStore()): VirtualAddresses {
  return new VirtualAddresses(DEFAULT_VIRTUAL_ADDRESS_OPTIONS, {
    services: directory,
    nodes: directory,
    nodeName: OWN,
    store,
    logger: new MemoryLogger(),
    metrics: new MemoryMetrics(),
  })
}

/** One endpoint on each of so many nodes. */
function sliceOf(count: number, ports: readonly string[]): EndpointSlice {
  return {
    service: 'shop/db',
    ports: ports.map((name, index) => ({ name, port: 5_000 + index, protocol: 'TCP' })),
    endpoints: Array.from({ length: count }, (_, index) => ({
      ...{ ip: `10.1.0.${index}`, node: `node-${index}` as NodeName, hostname: `db-${index}` },
      ...{ ready: true, serving: true, terminating: false, zone: undefined, forZones: [], pod: undefined },
    })),
  }
}

/** How often endpoints are asked for when so many Nodes turn out to be near, at the same time. */
function effortForNodes(count: number): number {
  const directory = new CountingDirectory(OWN)
  using virtual = virtualAddressesOf(directory)
  directory.setService('shop/db', headlessService())
  directory.setSlice('shop/db-1', sliceOf(count, ['pg']))
  const own = virtual.names.endpoints(PG).map(({ ip }) => ip)
  directory.endpointsAsked = 0
  directory.batch(() => {
    for (const name of [OWN, ...Array.from({ length: count }, (_, index) => `node-${index}` as NodeName)])
      directory.setNode(name, nodeOf(name, { routedNetwork: 'hall' }))
  })
  const { endpointsAsked } = directory
  const named = virtual.names.endpoints(PG)
  expect(named.map(({ ip }) => ip)).toEqual(directory.endpoints(PG).map(({ ip }) => ip))
  expect(own).not.toContain(named[0]?.ip)
  return endpointsAsked
}

it('a list of Nodes costs each headless Service one look, however many Nodes there are', () => {
  expect(effortForNodes(40)).toBe(effortForNodes(2))
})

/** How often a Node is asked for per port, when one endpoint of a Service with so many changes. */
function effortForPorts(count: number): number {
  const directory = new CountingDirectory(OWN)
  using virtual = virtualAddressesOf(directory)
  const names = Array.from({ length: count }, (_, index) => `p${index}`)
  const { ports } = headlessService()
  const all = names.flatMap((name) =>
    ports.map((port) => ({ ...port, name: `shop/db:${name}` as ServicePortName })),
  )
  directory.setService('shop/db', headlessService({ ports: all }))
  const slice = sliceOf(5, names)
  directory.setSlice('shop/db-1', slice)
  directory.nodesAsked = 0
  directory.setSlice('shop/db-1', { ...slice, endpoints: slice.endpoints.slice(1) })
  expect(virtual.names.endpoints('shop/db:p0' as ServicePortName).length).toBe(4)
  return directory.nodesAsked / count
}

it('a change of endpoints costs each port of their Service one look, however many ports it has', () => {
  expect(effortForPorts(12)).toBe(effortForPorts(2))
})

it('what another endpoint does leaves a virtual ServicePort as it is, and nobody is told', () => {
  const directory = new ClusterDirectory(OWN)
  using virtual = virtualAddressesOf(directory)
  directory.setService('shop/db', headlessService())
  const slice = sliceOf(4, ['pg'])
  directory.setSlice('shop/db-1', slice)
  const last = `${PG}@db-3` as ServicePortName
  const before = [
    virtual.services.servicePort(last),
    virtual.services.serviceOf(last),
    virtual.services.endpoints(last),
  ]
  const told: ServicePortName[] = []
  using _watch = virtual.services.watch((name) => void told.push(name))

  directory.setSlice('shop/db-1', { ...slice, endpoints: structuredClone(slice.endpoints.slice(1)) })

  expect(told.toSorted()).toEqual([PG, `${PG}@db-0`])
  const after = [
    virtual.services.servicePort(last),
    virtual.services.serviceOf(last),
    virtual.services.endpoints(last),
  ]
  for (const [index, one] of after.entries()) expect(one).toBe(before[index])
})

it('no address is kept for endpoints that seemed far only until their Nodes were known', () => {
  const directory = new ClusterDirectory(OWN)
  const store = new FakeStore()
  using virtual = virtualAddressesOf(directory, store)
  directory.setService('shop/db', headlessService())
  directory.setSlice('shop/db-1', sliceOf(3, ['pg']))
  const virtualPorts = (): string[] =>
    [...virtual.services.servicePorts()].map(({ name }) => name).filter((name) => name !== PG)
  expect([virtualPorts().length, store.rows.size]).toEqual([3, 3])

  directory.setNode(OWN, nodeOf(OWN, { routedNetwork: 'hall' }))
  directory.batch(() => {
    directory.setNode('node-0' as NodeName, nodeOf('node-0', { routedNetwork: 'hall' }))
    directory.setNode('node-1' as NodeName, nodeOf('node-1', { routedNetwork: 'hall' }))
    directory.setNode('node-2' as NodeName, nodeOf('node-2'))
  })

  expect(virtualPorts()).toEqual([`${PG}@db-2`])
  expect([...store.rows.keys()]).toEqual(['shop/db@db-2 IPv4'])
})

it('an address is kept for an endpoint that was known to be far, and is near later', () => {
  const directory = new ClusterDirectory(OWN)
  using virtual = virtualAddressesOf(directory)
  directory.setService('shop/db', headlessService())
  directory.setSlice('shop/db-1', sliceOf(1, ['pg']))
  const far = 'node-0' as NodeName
  directory.setNode(OWN, nodeOf(OWN, { routedNetwork: 'hall' }))
  directory.setNode(far, nodeOf(far))
  const [ip = ''] = virtual.names.endpoints(PG).map((endpoint) => endpoint.ip)

  directory.setNode(far, nodeOf(far, { routedNetwork: 'hall' }))

  expect(virtual.names.endpoints(PG)).toEqual(directory.endpoints(PG))
  expect(virtual.services.lookup(ip, 5_000, 'TCP')?.name).toBe(`${PG}@db-0`)
})
