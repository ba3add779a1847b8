import { formatServicePortName } from '@edgeway/core'
import { endpointsOf, FakeServiceDirectory, MemoryLogger, MemoryMetrics, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { ManualTimers } from '../../test/manual-timers.ts'
import { trafficMetrics } from '../metrics.ts'
import { FlowJournal, type FlowRecord } from './flow-journal.ts'

const SERVICE = formatServicePortName('shop', 'web', 'http')
const LANE = { direction: 'outbound', path: 'local' } as const
const FLOW: FlowRecord = {
  ...LANE,
  outcome: 'completed',
  service: SERVICE,
  endpoint: endpointsOf('edge-1/10.1.0.1:80')[0],
  client: '10.1.0.9:40000',
  bytesSent: 5,
  bytesReceived: 7,
  durationMs: 2_000,
  connectMs: 250,
}

describe('FlowJournal', () => {
  let metrics: MemoryMetrics
  let logger: MemoryLogger
  let timers: ManualTimers
  let journal: FlowJournal

  beforeEach(() => {
    metrics = new MemoryMetrics()
    logger = new MemoryLogger()
    timers = new ManualTimers()
    const services = new FakeServiceDirectory()
    services.set(serviceOf('shop/web:http', '10.96.0.1', 80))
    journal = new FlowJournal(
      { flowLogSampleRatio: 0.01 },
      { logger, metrics: trafficMetrics(metrics), services, timers, random: () => 0.5 },
    )
  })

  it('counts a flow while it is open, and once at its end', () => {
    journal.begin('outbound')
    expect(metrics.value('edgeway_traffic_active_flows', { direction: 'outbound' })).toBe(1)
    journal.end(FLOW)

    expect(metrics.value('edgeway_traffic_active_flows', { direction: 'outbound' })).toBe(0)
    const labels = { ...LANE, service: SERVICE, outcome: 'completed' }
    expect(metrics.value('edgeway_traffic_flows_total', labels)).toBe(1)
    expect(metrics.value('edgeway_traffic_bytes_total', LANE)).toBe(12)
    expect(logger.lines).toHaveLength(1)
  })

  it('observes in seconds how long flows and their connecting took', () => {
    journal.begin('outbound')
    journal.end(FLOW)

    const labels = { ...LANE, protocol: 'TCP' }
    expect(metrics.value('edgeway_traffic_flow_duration_seconds', labels)).toBe(2)
    expect(metrics.value('edgeway_traffic_connect_seconds', labels)).toBe(0.25)
  })

  it('observes no connecting of a flow that never got an endpoint', () => {
    journal.begin('outbound')
    journal.end({
      direction: 'outbound',
      outcome: 'no-endpoint',
      service: undefined,
      client: '10.1.0.9:1',
      durationMs: 3,
    })

    const nowhere = { direction: 'outbound', path: 'unknown' }
    expect(metrics.value('edgeway_traffic_connect_seconds', { ...nowhere, protocol: 'TCP' })).toBe(0)
    expect(
      metrics.value('edgeway_traffic_flows_total', {
        ...nowhere,
        service: 'unknown',
        outcome: 'no-endpoint',
      }),
    ).toBe(1)
  })

  it('counts the bytes of a metered flow while it is open, and none of them twice', async () => {
    const counts = { bytesSent: 0, bytesReceived: 0 }
    journal.begin('outbound')
    const metering = journal.meter({ ...LANE, counts })
    counts.bytesReceived = 1_000
    await timers.pass(10_000)
    expect(metrics.value('edgeway_traffic_bytes_total', LANE)).toBe(1_000)

    journal.end({ ...FLOW, bytesSent: 5, bytesReceived: 1_007 }, metering)
    await timers.pass(20_000)
    expect(metrics.value('edgeway_traffic_bytes_total', LANE)).toBe(1_012)
  })

  it('tells of a UDP session that never began, and leaves the number of open flows alone', () => {
    journal.record({ ...FLOW, protocol: 'UDP', outcome: 'no-answer', datagramsSent: 3, datagramsReceived: 0 })

    expect(metrics.value('edgeway_traffic_active_flows', { direction: 'outbound' })).toBe(0)
    expect(metrics.value('edgeway_traffic_flow_duration_seconds', { ...LANE, protocol: 'UDP' })).toBe(2)
    expect(logger.lines).toMatchObject([
      { fields: { protocol: 'UDP', datagramsSent: 3, datagramsReceived: 0 } },
    ])
  })

  it('leaves no timer behind', () => {
    journal.meter({ ...LANE, counts: { bytesSent: 0, bytesReceived: 0 } })
    journal[Symbol.dispose]()

    expect(timers.pending).toBe(0)
  })
})
