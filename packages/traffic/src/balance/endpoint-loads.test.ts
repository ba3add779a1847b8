import { type Endpoint, formatEndpoint } from '@edgeway/core'
import { endpointsOf, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { EndpointLoads } from './endpoint-loads.ts'

const SERVICE = serviceOf('shop/web:http', '10.96.0.1', 80)
const WEB = SERVICE.ports[0]?.name ?? expect.fail()
const [A] = endpointsOf('edge-1/10.1.0.1:80') as [Endpoint]
const KEY = formatEndpoint(A)
const NOTHING = { openFlows: 0, connectMs: undefined }

describe('EndpointLoads', () => {
  let services: FakeServiceDirectory
  let loads: EndpointLoads

  beforeEach(() => {
    services = new FakeServiceDirectory()
    services.set(SERVICE, [A])
    loads = new EndpointLoads(services, () => 0)
  })

  it('counts the flows that are open', () => {
    expect(loads.loadOf(WEB, KEY)).toEqual(NOTHING)
    loads.opened(WEB, A)
    loads.opened(WEB, A)
    loads.closed(WEB, A)

    expect(loads.loadOf(WEB, KEY).openFlows).toBe(1)
  })

  it('knows how long connecting takes', () => {
    loads.connected(WEB, A, 12)

    expect(loads.loadOf(WEB, KEY).connectMs).toBe(12)
  })

  it('forgets an endpoint that has gone, but only once its flows have ended', () => {
    loads.opened(WEB, A)
    loads.connected(WEB, A, 12)

    services.set(SERVICE, [])
    expect(loads.loadOf(WEB, KEY).openFlows).toBe(1)
    loads.closed(WEB, A)
    expect(loads.loadOf(WEB, KEY)).toEqual(NOTHING)
  })

  it('forgets an idle endpoint with its Service', () => {
    loads.connected(WEB, A, 12)

    services.delete(SERVICE.namespace, SERVICE.name)

    expect(loads.loadOf(WEB, KEY)).toEqual(NOTHING)
  })
})
