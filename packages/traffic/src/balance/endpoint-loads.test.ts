import { type Endpoint, formatEndpoint } from '@edgeway/core'
import { endpointsOf, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { EndpointLoads } from './endpoint-loads.ts'

const SERVICE = serviceOf('shop/web:http', '10.96.0.1', 80)
const WEB = SERVICE.ports[0]?.name ?? expect.fail()
const [A] = endpointsOf('edge-1/10.1.0.1:80') as [Endpoint]
const KEY = formatEndpoint(A)

describe('EndpointLoads', () => {
  let services: FakeServiceDirectory
  let loads: EndpointLoads

  beforeEach(() => {
    services = new FakeServiceDirectory()
    services.set(SERVICE, [A])
    loads = new EndpointLoads(services, () => 0)
  })

  it('counts the flows that are open', () => {
    expect(loads.loadOf(WEB, KEY)).toBeUndefined()
    loads.opened(WEB, A)
    loads.opened(WEB, A)
    loads.closed(WEB, A)

    expect(loads.loadOf(WEB, KEY)?.openFlows).toBe(1)
  })

  it('knows how long connecting takes', () => {
    loads.connected(WEB, A, 12)

    expect(loads.loadOf(WEB, KEY)?.connectMs).toBe(12)
  })

  it('forgets an endpoint that has gone, but only once its flows have ended', () => {
    loads.opened(WEB, A)
    loads.connected(WEB, A, 12)

    services.set(SERVICE, [])
    expect(loads.loadOf(WEB, KEY)?.openFlows).toBe(1)
    loads.closed(WEB, A)
    expect(loads.loadOf(WEB, KEY)).toBeUndefined()
  })

  it('says of what it gave before when it has forgotten that', () => {
    loads.opened(WEB, A)
    const before = loads.loadOf(WEB, KEY)
    services.set(SERVICE, [])
    expect(before?.isForgotten).toBe(false)
    loads.closed(WEB, A)
    expect(before?.isForgotten).toBe(true)

    services.set(SERVICE, [A])
    loads.opened(WEB, A)
    expect(loads.loadOf(WEB, KEY)).toMatchObject({ openFlows: 1, isForgotten: false })
  })

  it('knows an endpoint again by its identity, not by the object that tells of it', () => {
    loads.opened(WEB, A)
    loads.closed(WEB, { ...A })

    expect(loads.loadOf(WEB, KEY)?.openFlows).toBe(0)
  })

  it('forgets an endpoint that had gone before its flow began, and keeps one that has come back', () => {
    services.set(SERVICE, [])
    loads.opened(WEB, A)
    loads.connected(WEB, A, 12)
    loads.closed(WEB, A)
    expect(loads.loadOf(WEB, KEY)).toBeUndefined()

    loads.opened(WEB, A)
    loads.connected(WEB, A, 12)
    services.set(SERVICE, [A])
    loads.closed(WEB, A)
    expect(loads.loadOf(WEB, KEY)?.connectMs).toBe(12)
  })

  it('forgets an idle endpoint with its Service', () => {
    loads.connected(WEB, A, 12)

    services.delete(SERVICE.namespace, SERVICE.name)

    expect(loads.loadOf(WEB, KEY)).toBeUndefined()
  })
})
