import { type Endpoint, type HealthState, NO_CONNECTION_POOL, type OutlierDetection } from '@edgeway/core'
import { endpointsOf, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { StatusWatch } from './status-watch.ts'

const SERVICE = serviceOf('shop/web:http', '10.96.0.1', 80)
const WEB = SERVICE.ports[0]?.name ?? expect.fail()
const [A, B] = endpointsOf('edge-1/10.1.0.1:80', 'edge-2/10.1.0.1:80') as [Endpoint, Endpoint]

describe('StatusWatch', () => {
  let services: FakeServiceDirectory
  let now: number
  let told: string[]
  let states: Map<Endpoint, HealthState>
  let watch: StatusWatch

  beforeEach(() => {
    services = new FakeServiceDirectory()
    now = 0
    told = []
    states = new Map()
    watch = new StatusWatch({
      services,
      health: {
        failed: (_service, { node }, failure) => void told.push(`${node} ${failure}`),
        state: (_service, endpoint) => states.get(endpoint as Endpoint) ?? 'healthy',
      },
      now: () => now,
    })
  })

  function wish(outliers: Partial<OutlierDetection> | undefined, annotations = {}): void {
    const none = {
      consecutiveFailures: undefined,
      baseEjectionMs: undefined,
      maxEjectionPercent: undefined,
      consecutive5xx: undefined,
      consecutiveGatewayErrors: undefined,
    }
    const outlierDetection = outliers && { ...none, ...outliers }
    const destinationPolicy = { balancing: undefined, connectionPool: NO_CONNECTION_POOL, outlierDetection }
    services.set({ ...SERVICE, annotations, destinationPolicy }, [A, B])
  }

  function wishPercent(percent: number): void {
    wish(undefined, { 'edgeway.io/max-error-percent': String(percent) })
  }

  function respond(endpoint: Endpoint, ...statuses: readonly number[]): void {
    for (const status of statuses) watch.responded(WEB, endpoint, status)
  }

  it('tells nothing of a Service that wishes nothing, nor of one that is not there', () => {
    respond(A, ...Array(100).fill(500))
    wish({ consecutiveFailures: 1, consecutive5xx: 0 })
    respond(A, ...Array(100).fill(500))

    expect(told).toEqual([])
  })

  it('tells of so many 5xx in a row, for each endpoint by itself', () => {
    wish({ consecutive5xx: 3 })

    respond(A, 500, 599)
    respond(B, 500)
    respond(A, 200, 500, 501)
    expect(told).toEqual([])
    respond(A, 503)
    expect(told).toEqual(['edge-1 status'])
  })

  it('takes no other status for an error', () => {
    wish({ consecutive5xx: 2 })

    respond(A, 404, 499, 429, 500, 304, 500)

    expect(told).toEqual([])
  })

  it('tells of so many gateway errors in a row, among which a 500 is none', () => {
    wish({ consecutiveGatewayErrors: 3 })

    respond(A, 502, 503, 500, 504, 505, 502, 503)
    expect(told).toEqual([])
    respond(A, 504)
    expect(told).toEqual(['edge-1 status'])
  })

  it('tells of a share of errors, of 20 responses at least', () => {
    wishPercent(50)

    respond(A, ...Array(10).fill(200), ...Array(9).fill(500))
    expect(told).toEqual([])
    respond(A, 500)
    expect(told).toEqual(['edge-1 status'])
  })

  it('tells of no share that is less, however many responses there are', () => {
    wishPercent(50)

    for (let i = 0; i < 100; i++) respond(A, 200, 200, 500)

    expect(told).toEqual([])
  })

  it('takes the share of the latest 10 s', () => {
    wishPercent(50)
    respond(A, ...Array(100).fill(200))

    now = 10_000
    respond(A, ...Array(19).fill(500))
    expect(told).toEqual([])
    respond(A, 500)
    expect(told).toEqual(['edge-1 status'])
  })

  it('counts anew after it has told, whatever became of it', () => {
    wish({ consecutive5xx: 2 }, { 'edgeway.io/max-error-percent': '100' })

    respond(A, 500, 500, 500)
    expect(told).toHaveLength(1)
    respond(A, 500)
    expect(told).toHaveLength(2)
  })

  it('passes over errors of one that is left out: they are of requests from before, or without a choice', () => {
    wish({ consecutive5xx: 2 })
    respond(A, 500)
    states.set(A, 'unhealthy')
    respond(A, ...Array(10).fill(500))
    states.set(A, 'recovering')

    expect(told).toEqual([])
    respond(A, 500)
    expect(told).toEqual(['edge-1 status'])
  })

  it('goes by the wish as it is now', () => {
    wish({ consecutive5xx: 5 })
    respond(A, 500)
    wish({ consecutive5xx: 1 })
    respond(A, 500)
    wish(undefined)
    respond(A, 500)

    expect(told).toEqual(['edge-1 status'])
  })

  it('knows nothing any more of an endpoint that had gone, nor of a Service', () => {
    wish({ consecutive5xx: 2 })
    respond(A, 500)
    const service = services.serviceOf(WEB) ?? expect.fail()
    services.set(service, [B])
    services.set(service, [A, B])
    respond(A, 500)
    services.delete(SERVICE.namespace, SERVICE.name)
    services.set(service, [A, B])
    respond(A, 500)

    expect(told).toEqual([])
  })

  it('follows nobody after its disposal', () => {
    const { serviceOf: of, endpoints } = services
    const subscription = new DisposableStack()
    const health = { failed: () => {}, state: () => 'healthy' as const }
    const followed = { serviceOf: of, endpoints, watch: () => subscription }

    new StatusWatch({ services: followed, health, now: () => 0 })[Symbol.dispose]()

    expect(subscription.disposed).toBe(true)
  })
})
