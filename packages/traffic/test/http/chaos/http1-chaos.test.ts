import { describe, expect, it, vi } from 'vitest'
import { EndpointLoads } from '../../../src/balance/endpoint-loads.ts'
import { eventually, openDescriptors } from '../../traffic-lab.ts'
import { HttpLab, poolOf, RELAY_ENGINES, statusesOf } from '../http-lab.ts'
import { chaosClient } from './chaos-client.ts'
import { ChaosOrigin } from './chaos-origin.ts'
import { Random } from './random.ts'

const SEED = 77
const CLIENTS = 150
const AT_ONCE = 20
const MAX_CONNECTIONS = 12

const LIMITS = {
  annotations: {
    'edgeway.io/retries': '2',
    'edgeway.io/per-try-timeout': '300ms',
    'edgeway.io/request-timeout': '1s',
  },
  ...poolOf(
    { maxConnections: MAX_CONNECTIONS },
    { maxRequests: AT_ONCE, maxPendingRequests: 10, maxRequestsPerConnection: 50 },
  ),
}

describe.each(RELAY_ENGINES)(
  'HTTP/1.1 by relay engine %s, with faults of all sorts on both sides',
  (relayEngine) => {
    it('mixes nothing up, and has nothing left in the end', { timeout: 120_000 }, async () => {
      const before = openDescriptors()
      const flows = countFlows()
      {
        const random = new Random(SEED)
        await using one = await ChaosOrigin.start(random)
        await using other = await ChaosOrigin.start(random)
        await using http = await HttpLab.start([one.endpoint, other.endpoint], LIMITS, { relayEngine })

        let next = 0
        const violations: string[] = []
        const worker = async (): Promise<void> => {
          while (next < CLIENTS) {
            const number = next++
            violations.push(
              ...(await chaosClient(await http.connect(), number, new Random(SEED * 1_000_003 + number))),
            )
          }
        }
        await Promise.all(Array.from({ length: AT_ONCE }, worker))
        expect([...violations, ...one.violations, ...other.violations]).toEqual([])
        await http.lab.flowsEnded(CLIENTS)
        expect(flows.open()).toBe(0)

        // Nothing is counted that has ended: as much is possible as at the beginning.
        one.isKind = true
        other.isKind = true
        const answers = await Promise.all(
          Array.from({ length: AT_ONCE }, (_, n) =>
            http.exchange(`GET /c${n}r0/10 HTTP/1.1\r\nHost: a\r\n\r\n`),
          ),
        )
        expect(answers.flatMap(statusesOf)).toEqual(Array.from({ length: AT_ONCE }, () => 200))
      }
      expect(flows.open()).toBe(0)
      await eventually(() => (openDescriptors() <= before + 2 ? true : undefined))
    })
  },
)

function countFlows(): { open(): number } {
  // oxlint-disable-next-line vitest/no-restricted-vi-methods -- Counts only: what the balancer counts is not seen from outside.
  const opened = vi.spyOn(EndpointLoads.prototype, 'opened')
  // oxlint-disable-next-line vitest/no-restricted-vi-methods -- Counts only: what the balancer counts is not seen from outside.
  const closed = vi.spyOn(EndpointLoads.prototype, 'closed')
  const [openedBefore, closedBefore] = [opened.mock.calls.length, closed.mock.calls.length]
  return { open: () => opened.mock.calls.length - openedBefore - (closed.mock.calls.length - closedBefore) }
}
