import { describe, expect, it } from 'vitest'
import { NO_CORRECTIONS } from './corrections.ts'
import { findingsOf, targetsOf } from './findings.ts'
import type { Health } from './health.ts'
import type { OwnEndpoint } from './own-endpoint.ts'
import type { Whereabouts } from './whereabouts.ts'

const WEB: OwnEndpoint = {
  ip: '10.1.0.2',
  port: 80,
  protocol: 'TCP',
  pod: { namespace: 'shop', name: 'web-0', uid: undefined },
}
const DNS: OwnEndpoint = { ...WEB, ip: '10.1.0.3', port: 53, protocol: 'UDP' }
const DNS_TCP: OwnEndpoint = { ...DNS, protocol: 'TCP' }
const MOVED: Whereabouts = new Map([['10.1.0.2', { ip: '10.1.0.3' }]])

describe('findings', () => {
  it('connects to each present TCP address once, and to none that is taken', () => {
    const whereabouts: Whereabouts = new Map([...MOVED, ['10.1.0.9', 'taken']])
    const endpoints = [WEB, { ...WEB }, DNS, { ...WEB, ip: '10.1.0.3' }, { ...WEB, ip: '10.1.0.9' }]

    expect([...targetsOf(endpoints, whereabouts).values()]).toEqual([{ ip: '10.1.0.3', port: 80 }])
  })

  it('answers by the stored address, also when addresses have changed places', () => {
    const whereabouts: Whereabouts = new Map([...MOVED, ['10.1.0.3', { ip: '10.1.0.2' }]])
    const other = { ...WEB, ip: '10.1.0.3' }
    const health = new Map<string, Health>([['10.1.0.3 80', 'dead']])
    const { corrections } = findingsOf([WEB, other], whereabouts, health)

    expect(corrections.presentIp('10.1.0.2')).toBe('10.1.0.3')
    expect(corrections.presentIp('10.1.0.3')).toBe('10.1.0.2')
    expect(corrections.isDead(WEB)).toBe(true)
    expect(corrections.isDead(other)).toBe(false)
  })

  it('keeps UDP endpoints whose port does not answer over TCP, unless their address is taken', () => {
    const health = new Map<string, Health>([['10.1.0.3 53', 'dead']])
    const silent = findingsOf([DNS, DNS_TCP], new Map(), health).corrections
    const taken = findingsOf([DNS, DNS_TCP], new Map([['10.1.0.3', 'taken']]), new Map()).corrections

    expect([silent.isDead(DNS), silent.isDead(DNS_TCP)]).toEqual([false, true])
    expect([taken.isDead(DNS), taken.isDead(DNS_TCP)]).toEqual([true, true])
  })

  it('corrects nothing for suspects, for the living, and for addresses that are still right', () => {
    const health = new Map<string, Health>([
      ['10.1.0.2 80', 'suspect'],
      ['10.1.0.3 53', 'alive'],
    ])
    const { corrections } = findingsOf([WEB, DNS_TCP], new Map([['10.1.0.2', { ip: '10.1.0.2' }]]), health)

    expect(corrections.equals(NO_CORRECTIONS)).toBe(true)
  })

  it('tells corrections apart by where something moved to and by what died', () => {
    const elsewhere = findingsOf([WEB], new Map([['10.1.0.2', { ip: '10.1.0.4' }]]), new Map()).corrections
    const moved = findingsOf([WEB], MOVED, new Map()).corrections
    const dead = findingsOf([WEB], MOVED, new Map<string, Health>([['10.1.0.3 80', 'dead']])).corrections

    expect(moved.equals(findingsOf([WEB], MOVED, new Map()).corrections)).toBe(true)
    expect(moved.equals(elsewhere)).toBe(false)
    expect(moved.equals(dead)).toBe(false)
  })
})
