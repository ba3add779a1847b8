import { MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { FindingLog } from './finding-log.ts'
import { findingsOf, NO_FINDINGS } from './findings.ts'
import type { Health } from './health.ts'

function dead(count: number): ReturnType<typeof findingsOf> {
  const ips = Array.from({ length: count }, (_, index) => `10.1.0.${index}`)
  const pod = { namespace: 'shop', name: 'web', uid: undefined }
  const endpoints = ips.map((ip) => ({ ip, port: 80, protocol: 'TCP' as const, pod }))
  return findingsOf(endpoints, new Map(), new Map<string, Health>(ips.map((ip) => [`${ip} 80`, 'dead'])))
}

describe('FindingLog', () => {
  it('names what changed, the first ten of many', () => {
    const logger = new MemoryLogger()
    const log = new FindingLog(logger, () => 0)
    log.changed(NO_FINDINGS, dead(12))
    log.changed(dead(12), dead(1))

    expect(logger.lines).toMatchObject([
      {
        level: 'warn',
        message: 'own endpoints do not answer',
        fields: { count: 12, endpoints: { length: 10, 0: 'shop/web 10.1.0.0:80/TCP' } },
      },
      {
        level: 'info',
        message: 'own endpoints answer again',
        fields: { count: 11, endpoints: { length: 10 } },
      },
    ])
  })

  it('says where pods moved', () => {
    const logger = new MemoryLogger()
    const endpoint = { ip: '10.1.0.1', port: 80, protocol: 'TCP' as const }
    const moved = findingsOf([endpoint], new Map([['10.1.0.1', { ip: '10.1.0.9' }]]), new Map())
    new FindingLog(logger, () => 0).changed(NO_FINDINGS, moved)

    expect(logger.lines).toMatchObject([
      {
        message: 'pods of own endpoints have other addresses than stored',
        fields: { endpoints: ['10.1.0.1:80/TCP now at 10.1.0.9'] },
      },
    ])
  })

  it('says little about an endpoint that comes and goes, and how much it left out', () => {
    const logger = new MemoryLogger()
    let now = 0
    const log = new FindingLog(logger, () => now)
    for (; now <= 60_000; now += 5_000) {
      log.changed(NO_FINDINGS, dead(1))
      log.changed(dead(1), NO_FINDINGS)
    }

    expect(logger.lines.map(({ message, fields }) => [message, fields['unsaidBefore']])).toEqual([
      ['own endpoints do not answer', undefined],
      ['own endpoints answer again', undefined],
      ['own endpoints do not answer', 11],
      ['own endpoints answer again', 11],
    ])
  })
})
