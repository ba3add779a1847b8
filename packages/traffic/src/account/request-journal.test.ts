import { formatServicePortName } from '@edgeway/core'
import { endpointsOf, FakeServiceDirectory, MemoryLogger, MemoryMetrics, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { trafficMetrics } from '../metrics.ts'
import { RequestJournal, type RequestRecord } from './request-journal.ts'
import { requestMetrics } from './request-metrics.ts'

const SERVICE = formatServicePortName('shop', 'web', 'http')
const REQUEST: RequestRecord = {
  service: SERVICE,
  protocol: 'http1',
  method: 'GET',
  status: 200,
  outcome: 'completed',
  client: '10.1.0.9:40000',
  endpoint: endpointsOf('edge-1/10.1.0.1:80')[0],
  path: 'local',
  attempts: 1,
  why: 'balancing',
  durationMs: 12.345,
  bytesSent: 100,
  bytesReceived: 2_000,
}

describe('RequestJournal', () => {
  let metrics: MemoryMetrics
  let logger: MemoryLogger
  let clock: { now: number }

  beforeEach(() => {
    metrics = new MemoryMetrics()
    logger = new MemoryLogger()
    clock = { now: 0 }
  })

  function journal({ ratio = 0, debug = true } = {}): RequestJournal {
    const services = new FakeServiceDirectory()
    services.set(serviceOf('shop/web:http', '10.96.0.1', 80))
    const { bytes } = trafficMetrics(metrics)
    const quiet = {
      info: logger.info.bind(logger),
      debug: logger.debug.bind(logger),
      isEnabled: (level: string) => debug || level !== 'debug',
    }
    return new RequestJournal(
      { flowLogSampleRatio: ratio },
      {
        ...{ logger: quiet, bytes, services },
        metrics: requestMetrics(metrics),
        now: () => clock.now,
        random: () => 0.5,
      },
    )
  }

  function requests(labels: Record<string, string>): number {
    const rest = { service: SERVICE, protocol: 'http1', method: 'read', status: '2xx' }
    return metrics.value('edgeway_traffic_requests_total', { ...rest, ...labels })
  }

  it.each([
    [{}, {}],
    [{ method: 'HEAD', status: 304 }, { status: '3xx' }],
    [
      { method: 'POST', status: 404 },
      { method: 'write', status: '4xx' },
    ],
    [{ method: 'PUT' }, { method: 'write' }],
    [{ method: 'PATCH' }, { method: 'write' }],
    [{ method: 'DELETE' }, { method: 'write' }],
    [
      { method: 'OPTIONS', status: 101 },
      { method: 'other', status: '1xx' },
    ],
    [
      { method: 'BREW', status: 503 },
      { method: 'other', status: '5xx' },
    ],
    [{ status: undefined }, { status: 'none' }],
    [{ status: 999 }, { status: 'none' }],
    [{ protocol: 'http2', status: 599 } as const, { protocol: 'http2', status: '5xx' }],
    [{ service: formatServicePortName('made', 'up', '') }, { service: 'unknown' }],
  ])('counts a request by what it is: %j', (what, labels) => {
    const all = journal()
    all.end({ ...REQUEST, ...what })
    all.end({ ...REQUEST, ...what })

    expect(requests(labels)).toBe(2)
  })

  it('counts apart what is not alike', () => {
    const all = journal()
    const what = (['http1', 'http2'] as const).flatMap((protocol) =>
      (['GET', 'PUT', 'OPTIONS'] as const).flatMap((method) =>
        [undefined, 100, 200, 300, 400, 500].map((status) => ({ protocol, method, status })),
      ),
    )
    for (const one of what) all.end({ ...REQUEST, ...one })

    const counts = ['http1', 'http2'].flatMap((protocol) =>
      ['read', 'write', 'other'].flatMap((method) =>
        ['none', '1xx', '2xx', '3xx', '4xx', '5xx'].map((status) => requests({ protocol, method, status })),
      ),
    )
    expect(counts).toEqual(Array(36).fill(1))
  })

  it('counts its bytes, both ways together, beside those of flows, and its seconds', () => {
    const all = journal()
    all.end(REQUEST)
    all.end({ ...REQUEST, path: undefined })

    const bytes = (path: string) =>
      metrics.value('edgeway_traffic_bytes_total', { direction: 'outbound', path })
    const seconds = (path: string) =>
      metrics.value('edgeway_traffic_request_duration_seconds', { protocol: 'http1', path })
    expect([bytes('local'), bytes('unknown')]).toEqual([2_100, 2_100])
    expect([seconds('local'), seconds('unknown')]).toEqual([0.012_345, 0.012_345])
  })

  it('writes what is known of a request on one line', () => {
    journal().end({ ...REQUEST, protocol: 'http2', grpcStatus: 14 })

    const fields = {
      ...REQUEST,
      ...{ protocol: 'http2', grpcStatus: 14 },
      ...{ endpoint: 'edge-1/10.1.0.1:80/TCP', durationMs: 12.3 },
    }
    expect(logger.lines).toEqual([{ level: 'debug', message: 'request ended', fields }])
  })

  it('writes no more of a method than any that means something has', () => {
    journal().end({ ...REQUEST, method: 'X'.repeat(10_000) })

    expect(logger.lines[0]?.fields['method']).toBe('X'.repeat(32))
  })

  it('tells of the share that was asked for at info', () => {
    journal({ ratio: 0.49 }).end(REQUEST)
    journal({ ratio: 0.51 }).end(REQUEST)

    expect(logger.lines.map(({ level }) => level)).toEqual(['debug', 'info'])
  })

  it('tells at info of requests that did not end well, of each outcome ten a minute', () => {
    const all = journal({ debug: false })
    for (let n = 0; n < 25; n++) all.end({ ...REQUEST, outcome: 'dial-failed', status: 503 })
    all.end({ ...REQUEST, outcome: 'timeout', status: 504 })
    all.end(REQUEST)
    clock.now = 60_000
    all.end({ ...REQUEST, outcome: 'dial-failed', status: 503 })

    expect(logger.lines).toHaveLength(10 + 1 + 1)
    expect(logger.lines.at(-1)).toMatchObject({ level: 'info', fields: { leftOut: 15 } })
  })
})
