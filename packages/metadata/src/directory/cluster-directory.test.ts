import { formatServicePortName, type NodeName, type ServicePortName } from '@edgeway/core'
import {
  endpointsOf,
  type ServiceDirectoryUnderTest,
  serviceDirectoryContract,
  serviceOf,
} from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import type { EndpointSlice } from '../mappers/endpoint-slice-mapper.ts'
import { Corrections, NO_CORRECTIONS } from '../own-endpoints/corrections.ts'
import { ClusterDirectory } from './cluster-directory.ts'

const OWN_NODE = 'edge-1' as NodeName
const WEB = formatServicePortName('shop', 'web', 'http')

/** A slice of the port `http` of `shop/web`, from endpoints that share a port number. */
function sliceOf(...texts: readonly string[]): EndpointSlice {
  return sliceWith('shop/web', 'http', endpointsOf(...texts))
}

function sliceWith(
  service: string,
  portName: string,
  endpoints: ReturnType<typeof endpointsOf>,
): EndpointSlice {
  const port = endpoints[0]?.port ?? 80
  return { service, ports: [{ name: portName, port, protocol: 'TCP' }], endpoints }
}

function make(): ServiceDirectoryUnderTest {
  const directory = new ClusterDirectory(OWN_NODE)
  return {
    directory,
    set(service, endpoints) {
      const key = `${service.namespace}/${service.name}`
      directory.setService(key, service)
      if (endpoints === undefined) return
      const portName = service.ports[0]?.name.slice(key.length + 1) ?? ''
      directory.setSlice(`${key}-1`, sliceWith(key, portName, [...endpoints]))
    },
    delete: (namespace, name) => directory.setService(`${namespace}/${name}`, undefined),
    load: () => directory.markLoaded(),
  }
}

function changesOf(directory: ClusterDirectory): ServicePortName[] {
  const changes: ServicePortName[] = []
  directory.watch((name) => void changes.push(name))
  return changes
}

describe('ClusterDirectory', () => {
  it.each(serviceDirectoryContract(make))('$title', async ({ run }) => await run())

  it('joins the slices of a Service, whichever comes first', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setSlice('shop/web-1', sliceOf('edge-1/10.1.0.1:80'))
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    directory.setSlice('shop/web-2', sliceOf('edge-2/10.1.0.2:80'))
    expect(directory.endpoints(WEB)).toEqual(endpointsOf('edge-1/10.1.0.1:80', 'edge-2/10.1.0.2:80'))

    directory.setSlice('shop/web-1', undefined)
    expect(directory.endpoints(WEB)).toEqual(endpointsOf('edge-2/10.1.0.2:80'))
  })

  it('has an endpoint once that moves between slices, ready if it is so in either', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    const slice = sliceOf('edge-1/10.1.0.1:80')
    const notReady = {
      ...slice,
      endpoints: slice.endpoints.map((endpoint) => ({ ...endpoint, ready: false })),
    }
    directory.setSlice('shop/web-1', notReady)
    directory.setSlice('shop/web-2', slice)
    directory.setSlice('shop/web-3', notReady)
    expect(directory.endpoints(WEB)).toEqual(endpointsOf('edge-1/10.1.0.1:80'))
  })

  it('keeps endpoints with equal addresses on two nodes apart', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    directory.setSlice('shop/web-1', sliceOf('edge-1/10.1.0.1:80', 'edge-2/10.1.0.1:80'))
    expect(directory.endpoints(WEB).map(({ node }) => node)).toEqual(['edge-1', 'edge-2'])
  })

  it('moves a slice whose Service label changed', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    directory.setService('shop/api', serviceOf('shop/api:http', '10.96.0.2', 80))
    const slice = sliceOf('edge-1/10.1.0.1:80')
    directory.setSlice('shop/x', slice)
    directory.setSlice('shop/x', { ...slice, service: 'shop/api' })
    expect(directory.endpoints(WEB)).toEqual([])
    expect(directory.endpoints(formatServicePortName('shop', 'api', 'http'))).toHaveLength(1)
  })

  it('tells only of the ServicePorts that a change touches, and of none when nothing changed', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    directory.setService('shop/api', serviceOf('shop/api:http', '10.96.0.2', 80))
    const changes = changesOf(directory)

    directory.setSlice('shop/web-1', sliceOf('edge-1/10.1.0.1:80'))
    expect(changes).toEqual([WEB])
    directory.setSlice('shop/web-1', sliceOf('edge-1/10.1.0.1:80'))
    directory.setSlice('shop/stray-1', { ...sliceOf('edge-1/10.1.0.9:80'), service: 'shop/none' })
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    expect(changes).toEqual([WEB])
  })

  it('gives a ClusterIP back to the Service that still has it when another one with it goes', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setService('shop/api', serviceOf('shop/api:http', '10.96.0.1', 80))
    directory.setService('shop/ghost', serviceOf('shop/ghost:http', '10.96.0.1', 80))
    directory.setService('shop/ghost', undefined)
    expect(directory.lookup('10.96.0.1', 80, 'TCP')?.name).toBe('shop/api:http')

    directory.setService('shop/api', undefined)
    expect(directory.lookup('10.96.0.1', 80, 'TCP')).toBeUndefined()
  })

  it('forgets what a Service said before that shares its ClusterIP with another one', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setService('shop/api', serviceOf('shop/api:http', '10.96.0.1', 80))
    directory.setService('shop/ghost', serviceOf('shop/ghost:http', '10.96.0.1', 80))
    directory.setService('shop/api', serviceOf('shop/api:http', '10.96.0.2', 80))
    directory.setService('shop/ghost', undefined)
    expect(directory.lookup('10.96.0.1', 80, 'TCP')).toBeUndefined()
    expect(directory.lookup('10.96.0.2', 80, 'TCP')?.name).toBe('shop/api:http')
  })

  it('takes no port of a slice for a ServicePort of another protocol', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    const slice = sliceOf('edge-1/10.1.0.1:80')
    directory.setSlice('shop/web-1', { ...slice, ports: [{ name: 'http', port: 80, protocol: 'UDP' }] })
    expect(directory.endpoints(WEB)).toEqual([])
  })

  it('goes on telling one of two watchers that share a listener', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    const changes: ServicePortName[] = []
    const listener = (name: ServicePortName): void => void changes.push(name)
    using _ = directory.watch(listener)
    directory.watch(listener)[Symbol.dispose]()
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    expect(changes).toEqual([WEB])
  })

  it('answers for Nodes', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    const node = { name: 'edge-1' as NodeName, labels: {}, addresses: [], routedNetwork: 'site-a' }
    directory.setNode(node.name, node)
    expect(directory.node(node.name)).toEqual(node)
    directory.setNode(node.name, undefined)
    expect(directory.node(node.name)).toBeUndefined()
  })

  it('believes the Endpoints of a Service rather than its slices, as long as there are any', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    directory.setSlice('shop/web-1', sliceOf('edge-1/10.1.0.1:80'))
    directory.setEndpoints('shop/web', [sliceOf('edge-2/10.1.0.2:80')])
    expect(directory.endpoints(WEB)).toEqual(endpointsOf('edge-2/10.1.0.2:80'))

    directory.setEndpoints('shop/web', undefined)
    expect(directory.endpoints(WEB)).toEqual(endpointsOf('edge-1/10.1.0.1:80'))
  })

  it('has the own endpoints as they were found, and knows them by their old addresses, too', () => {
    const directory = new ClusterDirectory(OWN_NODE)
    directory.setService('shop/web', serviceOf('shop/web:http', '10.96.0.1', 80))
    directory.setSlice(
      'shop/web-1',
      sliceOf('edge-1/10.1.0.1:80', 'edge-1/10.1.0.2:80', 'edge-2/10.1.0.1:80'),
    )
    const [moved, dead] = endpointsOf('edge-1/10.1.0.1:80', 'edge-1/10.1.0.2:80')
    if (moved === undefined || dead === undefined) expect.unreachable()
    const changes = changesOf(directory)

    directory.correct(new Corrections(new Map([['10.1.0.1', '10.1.0.9']]), [dead]))
    expect(changes).toEqual([WEB])
    expect(directory.endpoints(WEB)).toEqual([
      ...endpointsOf('edge-1/10.1.0.9:80'),
      { ...dead, ready: false, serving: false },
      ...endpointsOf('edge-2/10.1.0.1:80'),
    ])
    expect(directory.hasEndpoint(moved)).toBe(true)
    expect(directory.presentAddress(moved).ip).toBe('10.1.0.9')
    expect([...directory.ownEndpoints()].map(({ ip }) => ip)).toEqual(['10.1.0.1', '10.1.0.2'])

    directory.correct(NO_CORRECTIONS)
    expect(directory.endpoints(WEB)).toEqual(
      endpointsOf('edge-1/10.1.0.1:80', 'edge-1/10.1.0.2:80', 'edge-2/10.1.0.1:80'),
    )
  })
})
