import {
  type DialFailure,
  type Endpoint,
  NO_CONNECTION_POOL,
  type Service,
  type ServicePortName,
} from '@edgeway/core'
import { endpointsOf, FakeServiceDirectory, MemoryLogger, MemoryMetrics, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { ManualTimers } from '../../test/manual-timers.ts'
import { HealthBook } from './health-book.ts'
import { healthMetrics } from './health-metrics.ts'
import { DEFAULT_HEALTH_OPTIONS } from './health-options.ts'

const SERVICE = serviceOf('shop/web:http', '10.96.0.1', 80)
const WEB = SERVICE.ports[0]?.name ?? expect.fail()
const [A, B, C] = endpointsOf('edge-1/10.1.0.1:80', 'edge-1/10.1.0.2:80', 'edge-2/10.1.0.1:80') as [
  Endpoint,
  Endpoint,
  Endpoint,
]

describe('HealthBook', () => {
  let services: FakeServiceDirectory
  let timers: ManualTimers
  let logger: MemoryLogger
  let metrics: MemoryMetrics
  let changes: ServicePortName[]
  let answer: DialFailure | undefined
  let checked: Endpoint[]
  let book: HealthBook

  beforeEach(() => {
    services = new FakeServiceDirectory()
    services.set(SERVICE, [A, B, C])
    timers = new ManualTimers()
    logger = new MemoryLogger()
    metrics = new MemoryMetrics()
    changes = []
    answer = undefined
    checked = []
    book = new HealthBook(DEFAULT_HEALTH_OPTIONS, {
      services,
      timers,
      logger,
      metrics: healthMetrics(metrics),
      check: async (_service, endpoint) => {
        checked.push(endpoint as Endpoint)
        return answer
      },
    })
    book.watch((changed) => void changes.push(changed))
  })

  function withOutlierDetection(
    wish: Partial<NonNullable<Service['destinationPolicy']>['outlierDetection']>,
  ) {
    const outlierDetection = {
      consecutiveFailures: undefined,
      baseEjectionMs: undefined,
      maxEjectionPercent: undefined,
      consecutive5xx: undefined,
      consecutiveGatewayErrors: undefined,
      ...wish,
    }
    services.set(
      {
        ...SERVICE,
        destinationPolicy: { balancing: undefined, connectionPool: NO_CONNECTION_POOL, outlierDetection },
      },
      [A, B, C],
    )
  }

  it('knows nothing bad of an endpoint at first', () => {
    expect(book.state(WEB, A)).toBe('healthy')
  })

  it('leaves out an endpoint that refuses, tells so, and leaves the others alone', () => {
    book.failed(WEB, A, 'refused')

    expect([A, B, C].map((endpoint) => book.state(WEB, endpoint))).toEqual([
      'unhealthy',
      'healthy',
      'healthy',
    ])
    expect(changes).toEqual([WEB])
    expect(logger.lines).toMatchObject([{ level: 'warn', fields: { service: WEB, failure: 'refused' } }])
  })

  it('blames no endpoint for what this node lacks', () => {
    book.failed(WEB, A, 'exhausted')

    expect(book.state(WEB, A)).toBe('healthy')
  })

  it('knows nothing of an endpoint that had gone before its failure was told', () => {
    services.set(SERVICE, [B])

    book.failed(WEB, A, 'refused')

    expect(timers.pending).toBe(0)
  })

  it('tries it after its time, and lets it settle once it answers', async () => {
    book.failed(WEB, A, 'timeout')

    await timers.pass(9_999)
    expect(checked).toEqual([])
    await timers.pass(1)
    expect(checked).toEqual([A])
    expect(book.state(WEB, A)).toBe('recovering')
    await timers.pass(10_000)
    expect(book.state(WEB, A)).toBe('healthy')
    expect(changes).toEqual([WEB, WEB, WEB])
  })

  it('waits longer after each try that fails', async () => {
    answer = 'refused'
    book.failed(WEB, A, 'refused')

    await timers.pass(10_000)
    await timers.pass(19_999)
    expect(checked).toHaveLength(1)
    await timers.pass(1)
    expect(checked).toHaveLength(2)
    expect(book.state(WEB, A)).toBe('unhealthy')
  })

  it('takes a flow that could connect for a try', () => {
    book.failed(WEB, A, 'refused')

    book.connected(WEB, A)

    expect(book.state(WEB, A)).toBe('recovering')
  })

  it('forgets an endpoint that is not listed any more, and keeps nothing in the end', async () => {
    book.failed(WEB, A, 'refused')
    book.failed(WEB, B, 'refused')

    services.set(SERVICE, [B])
    expect(book.state(WEB, A)).toBe('healthy')
    expect(book.state(WEB, B)).toBe('unhealthy')

    await timers.pass(10_000)
    await timers.pass(10_000)
    await timers.pass(60_000)
    expect(timers.pending).toBe(0)
  })

  it('knows nothing of a try whose endpoint went meanwhile', async () => {
    answer = 'refused'
    book.failed(WEB, A, 'refused')
    const passing = timers.pass(10_000)
    services.set(SERVICE, [B, C])
    await passing

    expect(book.state(WEB, A)).toBe('healthy')
    expect(timers.pending).toBe(0)
  })

  it('trusts a UDP endpoint again without a try: there is no question that all of them answer', async () => {
    const dns: Endpoint = { ...A, protocol: 'UDP' }
    services.set(SERVICE, [dns])
    book.failed(WEB, dns, 'refused')

    await timers.pass(10_000)

    expect(checked).toEqual([])
    expect(book.state(WEB, dns)).toBe('recovering')
  })

  it('leaves out for its statuses whoever can be connected to, for all of its time, then tries it', async () => {
    book.failed(WEB, A, 'status')
    book.connected(WEB, A)
    expect(book.state(WEB, A)).toBe('unhealthy')
    expect(metrics.value('edgeway_traffic_ejections_total', { reason: 'status' })).toBe(1)

    await timers.pass(10_000)
    expect(checked).toEqual([A])
    expect(book.state(WEB, A)).toBe('recovering')
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'endpoint is left out',
      'endpoint is tried again',
    ])
  })

  it('leaves out for longer whose statuses are bad again soon after', async () => {
    book.failed(WEB, A, 'status')
    await timers.pass(20_000)
    expect(book.state(WEB, A)).toBe('healthy')

    book.failed(WEB, A, 'status')
    await timers.pass(19_999)
    expect(book.state(WEB, A)).toBe('unhealthy')
    await timers.pass(1)
    expect(book.state(WEB, A)).toBe('recovering')
  })

  it('leaves out no more for their statuses than the share that a DestinationRule allows', () => {
    withOutlierDetection({ maxEjectionPercent: 10 })

    book.failed(WEB, A, 'status')
    book.failed(WEB, B, 'status')

    expect([A, B].map((endpoint) => book.state(WEB, endpoint))).toEqual(['unhealthy', 'healthy'])
  })

  it('goes by what a DestinationRule says', () => {
    withOutlierDetection({ consecutiveFailures: 3, baseEjectionMs: 1_000 })

    book.failed(WEB, A, 'refused')
    book.failed(WEB, A, 'refused')
    expect(book.state(WEB, A)).toBe('healthy')
    book.failed(WEB, A, 'refused')
    expect(book.state(WEB, A)).toBe('unhealthy')
  })

  it('leaves out no more than the share that a DestinationRule allows, but one always', () => {
    withOutlierDetection({ maxEjectionPercent: 10 })

    book.failed(WEB, A, 'refused')
    book.failed(WEB, B, 'refused')

    expect([A, B].map((endpoint) => book.state(WEB, endpoint))).toEqual(['unhealthy', 'healthy'])
  })

  it('counts what is left out', async () => {
    book.failed(WEB, A, 'refused')
    book.failed(WEB, B, 'timeout')
    expect(metrics.value('edgeway_traffic_unhealthy_endpoints')).toBe(2)

    await timers.pass(10_000)
    expect(metrics.value('edgeway_traffic_unhealthy_endpoints')).toBe(0)
    expect(metrics.value('edgeway_traffic_ejections_total', { reason: 'timeout' })).toBe(1)
  })

  it('leaves no timer behind', () => {
    book.failed(WEB, A, 'refused')

    book[Symbol.dispose]()

    expect(timers.pending).toBe(0)
  })
})
