import type { DialFailure, Endpoint, NodeName, Service } from '@edgeway/core'
import { endpointsOf, FakeNodeDirectory, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { ManualTimers } from '../../test/manual-timers.ts'
import { ActiveChecks } from './active-checks.ts'

const INTERVAL_MS = 1_000
const SERVICE = serviceOf('shop/web:http', '10.96.0.1', 80)
const CHECKED: Service = { ...SERVICE, annotations: { 'edgeway.io/health-check': 'tcp' } }
const [A, B] = endpointsOf('edge-1/10.1.0.1:80', 'edge-2/10.1.0.2:80') as [Endpoint, Endpoint]

describe('ActiveChecks', () => {
  let services: FakeServiceDirectory
  let timers: ManualTimers
  let checked: string[]
  let reports: string[]
  let leftOut: string | undefined
  const failures = new Map<string, DialFailure>()

  beforeEach(() => {
    services = new FakeServiceDirectory()
    timers = new ManualTimers()
    checked = []
    reports = []
    leftOut = undefined
    failures.clear()
  })

  function start(): ActiveChecks {
    return new ActiveChecks(
      { checkIntervalMs: INTERVAL_MS },
      {
        services,
        timers,
        viewpoint: { nodeName: 'edge-1' as NodeName, nodes: new FakeNodeDirectory() },
        check: async (_service, { ip }) => {
          checked.push(ip)
          return failures.get(ip)
        },
        book: {
          state: (_service, { ip }) => (ip === leftOut ? 'unhealthy' : 'healthy'),
          connected: (_service, { ip }) => void reports.push(`${ip} answers`),
          failed: (_service, { ip }, failure) => void reports.push(`${ip} ${failure}`),
        },
      },
    )
  }

  it('checks each endpoint of a Service that asks for it, again and again', async () => {
    services.set(CHECKED, [A, B])
    failures.set(B.ip, 'refused')
    using _checks = start()

    await timers.pass(2 * INTERVAL_MS)

    const round = ['10.1.0.1 answers', '10.1.0.2 refused']
    expect(reports).toEqual([...round, ...round])
  })

  it('leaves Services alone that do not ask', async () => {
    services.set(SERVICE, [A])
    using _checks = start()

    await timers.pass(2 * INTERVAL_MS)

    expect(checked).toEqual([])
  })

  it('follows the wish as it comes and goes', async () => {
    services.set(SERVICE, [A])
    using _checks = start()
    services.set(CHECKED, [A])
    await timers.pass(INTERVAL_MS)
    services.set(SERVICE, [A])
    await timers.pass(INTERVAL_MS)

    expect(checked).toEqual([A.ip])
  })

  it('passes over what is not to be used, and what is tried at its own time', async () => {
    services.set(CHECKED, [A, { ...B, ready: false, serving: false }])
    leftOut = A.ip
    using _checks = start()

    await timers.pass(INTERVAL_MS)

    expect(checked).toEqual([])
  })

  it('leaves endpoints alone that no call may go to', async () => {
    const limits = { ...CHECKED, internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' } as const
    services.set(limits, [A, B])
    using _checks = start()

    await timers.pass(INTERVAL_MS)

    expect(checked).toEqual([A.ip])
  })

  it('ends with its disposal', async () => {
    services.set(CHECKED, [A])
    const checks = start()

    checks[Symbol.dispose]()
    await timers.pass(INTERVAL_MS)

    expect(checked).toEqual([])
    expect(timers.pending).toBe(0)
  })
})
