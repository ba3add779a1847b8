import { FakeComponentDeps } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { JoinTokenError, ServerRefusalError, UntrustedServerError } from '../../errors.ts'
import { createTunnelMetrics } from '../../metrics.ts'
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

  it('is logged once a minute where failures take turns, and in a few lines whatever they are', () => {
    const deps = new FakeComponentDeps()
    const trouble = new TroubleLog(deps.logger, createTunnelMetrics(deps.metrics))
    for (let attempt = 0; attempt < 20; attempt++) trouble.report(new Error(`trouble ${attempt % 3}`))
    expect(deps.logger.lines).toHaveLength(3)
    for (let attempt = 0; attempt < 20; attempt++) trouble.report(new Error(`trouble number ${attempt}`))
    expect(deps.logger.lines).toHaveLength(6)
  })

  it('makes the node enrol anew only when the server does not take its certificate', () => {
    expect(asksForEnrolment(new ServerRefusalError('expired', ''))).toBe(true)
    expect(asksForEnrolment(new ServerRefusalError('unknown-signer', ''))).toBe(true)
    expect(asksForEnrolment(new ServerRefusalError('key-in-use', ''))).toBe(false)
    expect(asksForEnrolment(new UntrustedServerError('expired', ''))).toBe(false)
  })
})
