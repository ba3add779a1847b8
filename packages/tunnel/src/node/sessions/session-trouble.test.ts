import { FakeComponentDeps } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { JoinTokenError, ServerRefusalError, UntrustedServerError } from '../../errors.ts'
import { createTunnelMetrics } from '../../metrics.ts'
import { BackOff, delayAfterLoss } from './back-off.ts'
import { asksForEnrolment, TroubleLog } from './session-trouble.ts'

describe('trouble with a tunnel server', () => {
  it('is logged once for all attempts that fail alike, and counted each time', () => {
    const deps = new FakeComponentDeps()
    const trouble = new TroubleLog(deps.logger, createTunnelMetrics(deps.metrics))
    for (let attempt = 0; attempt < 3; attempt++) trouble.report(new ServerRefusalError('busy', 'later'))
    trouble.report(new UntrustedServerError('wrong-cluster', 'of another cluster'))
    trouble.report(new JoinTokenError('none'))

    expect(deps.logger.lines.map(({ level, fields }) => [level, fields['reason']])).toEqual([
      ['error', 'busy'],
      ['error', 'wrong-cluster'],
      ['error', 'wrong-token'],
    ])
    expect(deps.metrics.value('edgeway_tunnel_refusals_total', { by: 'server', reason: 'busy' })).toBe(3)
    expect(deps.metrics.value('edgeway_tunnel_refused_servers_total', { reason: 'wrong-cluster' })).toBe(1)
    expect(trouble.last).toBe('none')
  })

  it('makes the node enrol anew only when the server does not take its certificate', () => {
    expect(asksForEnrolment(new ServerRefusalError('expired', ''))).toBe(true)
    expect(asksForEnrolment(new ServerRefusalError('unknown-signer', ''))).toBe(true)
    expect(asksForEnrolment(new ServerRefusalError('key-in-use', ''))).toBe(false)
    expect(asksForEnrolment(new UntrustedServerError('expired', ''))).toBe(false)
  })
})

describe('the pause before the next attempt', () => {
  it('grows, but leaves time to use a restarted server within 5 s', () => {
    const backOff = new BackOff()
    const delays = Array.from({ length: 20 }, () => backOff.next())
    expect(Math.max(...delays.slice(0, 1))).toBeLessThanOrEqual(200)
    expect(Math.max(...delays)).toBeLessThanOrEqual(3_000)
    expect(Math.min(...delays.slice(5))).toBeGreaterThanOrEqual(1_500)
  })

  it('grows further while the server refuses, and no further than before once it does not', () => {
    const backOff = new BackOff()
    const refused = Array.from({ length: 20 }, () => backOff.next('refused'))
    expect(Math.min(...refused.slice(10))).toBeGreaterThanOrEqual(15_000)
    expect(Math.max(...refused)).toBeLessThanOrEqual(30_000)
    expect(backOff.next()).toBeLessThanOrEqual(3_000)
  })

  it('is spread by the number of agents that the lost server had', () => {
    expect(delayAfterLoss(1, 1)).toBe(10)
    expect(delayAfterLoss(400, 0.5)).toBe(2_000)
    expect(delayAfterLoss(100_000, 1)).toBe(10_000)
  })
})
