import { MemoryMetrics } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { ManualTimers } from '../../test/manual-timers.ts'
import { trafficMetrics } from '../metrics.ts'
import { ByteMeter } from './byte-meter.ts'

const LANE = { direction: 'outbound', path: 'local' } as const

describe('ByteMeter', () => {
  let metrics: MemoryMetrics
  let timers: ManualTimers
  let meter: ByteMeter

  beforeEach(() => {
    metrics = new MemoryMetrics()
    timers = new ManualTimers()
    meter = new ByteMeter({ bytes: trafficMetrics(metrics).bytes, timers })
  })

  function counted(labels: Readonly<Record<string, string>> = LANE): number {
    return metrics.value('edgeway_traffic_bytes_total', labels)
  }

  it('counts bytes of a flow while it is open, and only the rest at its end', async () => {
    const counts = { bytesSent: 0, bytesReceived: 0 }
    const metering = meter.start({ ...LANE, counts })
    Object.assign(counts, { bytesSent: 100, bytesReceived: 11 })
    expect(counted()).toBe(0)
    await timers.pass(10_000)
    expect(counted()).toBe(111)
    Object.assign(counts, { bytesSent: 200 })
    await timers.pass(10_000)
    expect(counted()).toBe(211)

    meter.end(metering, 250)
    expect(counted()).toBe(250)
    meter.end(metering, 250)
    expect(counted()).toBe(250)
  })

  it('keeps directions and paths apart, and adds up flows of the same', async () => {
    meter.start({ ...LANE, counts: { bytesSent: 1, bytesReceived: 0 } })
    meter.start({ ...LANE, counts: { bytesSent: 2, bytesReceived: 0 } })
    meter.start({ ...LANE, path: 'relayed', counts: { bytesSent: 0, bytesReceived: 30 } })
    meter.start({ ...LANE, direction: 'inbound', counts: { bytesSent: 500, bytesReceived: 0 } })
    await timers.pass(10_000)

    expect(counted()).toBe(3)
    expect(counted({ ...LANE, path: 'relayed' })).toBe(30)
    expect(counted({ ...LANE, direction: 'inbound' })).toBe(500)
  })

  it('never counts down', async () => {
    const counts = { bytesSent: 100, bytesReceived: 0 }
    const metering = meter.start({ ...LANE, counts })
    await timers.pass(10_000)
    counts.bytesSent = 40
    await timers.pass(10_000)
    meter.end(metering, 60)

    expect(counted()).toBe(100)
  })

  it('has a timer only while a flow is open', async () => {
    expect(timers.pending).toBe(0)
    const metering = meter.start({ ...LANE, counts: { bytesSent: 0, bytesReceived: 0 } })
    await timers.pass(25_000)
    expect(timers.pending).toBe(1)
    meter.end(metering, 0)
    await timers.pass(10_000)
    expect(timers.pending).toBe(0)
    meter.start({ ...LANE, counts: { bytesSent: 0, bytesReceived: 0 } })
    expect(timers.pending).toBe(1)
    meter[Symbol.dispose]()
    expect(timers.pending).toBe(0)
  })
})
