import { once } from 'node:events'
import { DialError, type Dialer, type EndpointAddress } from '@edgeway/core'
import { endpointsOf, FakeDialer, serviceOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { AbandonedDials } from './abandoned-dials.ts'
import { type DialOutcome, dialFirst, onDialFailure } from './dial-first.ts'

const [PORT] = serviceOf('shop/web:http', '10.96.0.1', 80).ports
const ENDPOINTS = endpointsOf('edge-2/10.1.0.1:80', 'edge-2/10.1.0.2:80', 'edge-3/10.1.0.1:80')

interface Tried {
  readonly outcome: DialOutcome
  readonly failures: readonly string[]
}

async function dial(
  dialer: Dialer,
  {
    dialTimeoutMs = 10_000,
    dialBudgetMs = 10_000,
    signal = new AbortController().signal,
    isFirm = false,
  } = {},
): Promise<Tried> {
  const failures: string[] = []
  const request = { endpoints: ENDPOINTS, service: PORT?.name ?? expect.fail(), signal, isFirm }
  const observer = onDialFailure((failure) => void failures.push(failure))
  return {
    outcome: await dialFirst(request, { dialTimeoutMs, dialBudgetMs }, { dialer, observer }),
    failures,
  }
}

async function rejection(signal: AbortSignal): Promise<never> {
  await once(signal, 'abort')
  throw signal.reason
}

function fake(...answers: readonly Parameters<FakeDialer['set']>[1][]): FakeDialer {
  const dialer = new FakeDialer()
  for (const [index, endpoint] of ENDPOINTS.entries()) dialer.set(endpoint, answers[index] ?? 'refuse')
  return dialer
}

describe('dialFirst', () => {
  it('takes the first endpoint that answers and tries no further one', async () => {
    const dialer = fake(
      'refuse',
      () => {},
      () => {},
    )

    const { outcome, failures } = await dial(dialer)

    expect(outcome).toMatchObject({ status: 'connected', endpoint: ENDPOINTS[1] })
    expect(failures).toEqual(['refused'])
    expect(dialer.dialled).toHaveLength(2)
  })

  it('fails with the last endpoint', async () => {
    const { outcome, failures } = await dial(fake())

    expect(outcome).toMatchObject({ status: 'failed', error: { failure: 'refused' } })
    expect(failures).toEqual(['refused', 'refused', 'refused'])
  })

  it('does not go on after a failure that no other endpoint can mend', async () => {
    const { outcome, failures } = await dial(fake('refuse-for-good', () => {}))

    expect(outcome).toMatchObject({ status: 'failed', error: { failure: 'rejected' } })
    expect(failures).toEqual(['rejected'])
  })

  it('gives an endpoint that does not answer its time and no more', async () => {
    const { outcome, failures } = await dial(
      fake('silent', () => {}),
      { dialTimeoutMs: 10 },
    )

    expect(outcome).toMatchObject({ status: 'connected', endpoint: ENDPOINTS[1] })
    expect(failures).toEqual(['timeout'])
  })

  it('gives a slow way the time that it needs, as that is known by then', async () => {
    const answer = Promise.withResolvers<void>()
    const inner = fake(() => {})
    const slow: Dialer = {
      async dial(target, signal) {
        await Promise.race([answer.promise, rejection(signal)])
        return await inner.dial(target, signal)
      },
      patienceMs() {
        setImmediate(answer.resolve)
        return 60_000
      },
    }

    const { outcome, failures } = await dial(slow, { dialTimeoutMs: 10 })

    expect(outcome).toMatchObject({ status: 'connected', endpoint: ENDPOINTS[0] })
    expect(failures).toEqual([])
  })

  it.each([
    ['when that is over, too', { isFirm: false, patienceMs: 12 }],
    ['at once where the limits were set for the Service', { isFirm: true, patienceMs: 60_000 }],
  ])('goes on after a slow way %s', async (_when, { isFirm, patienceMs }) => {
    const inner = fake('silent', () => {})
    const slow: Dialer = {
      dial: (target, signal) => inner.dial(target, signal),
      patienceMs: () => patienceMs,
    }

    const { outcome, failures } = await dial(slow, { dialTimeoutMs: 10, isFirm })

    expect(outcome).toMatchObject({ status: 'connected', endpoint: ENDPOINTS[1] })
    expect(failures).toEqual(['timeout'])
  })

  it('stops when the budget of the flow is spent', async () => {
    const dialer = fake('silent', 'silent', () => {})

    const { outcome } = await dial(dialer, { dialBudgetMs: 10 })

    expect(outcome).toMatchObject({ status: 'failed', error: { failure: 'timeout' } })
    expect(dialer.dialled.map(({ endpoint }) => endpoint)).not.toContain(ENDPOINTS[2])
  })

  it('stops when nobody wants the connection any more', async () => {
    const controller = new AbortController()
    const dialled = dial(
      fake('silent', () => {}),
      { signal: controller.signal },
    )
    controller.abort()

    expect(await dialled).toEqual({ outcome: { status: 'abandoned' }, failures: [] })
  })

  it('finds out what becomes of a dial that nobody wants any more, where that is kept', async () => {
    using abandoned = new AbandonedDials()
    const controller = new AbortController()
    const failed = Promise.withResolvers<string>()
    const observer = onDialFailure((failure) => failed.resolve(failure))
    const request = { endpoints: ENDPOINTS, service: PORT?.name ?? expect.fail(), signal: controller.signal }
    const limits = { dialTimeoutMs: 20, dialBudgetMs: 1_000 }
    const dialled = dialFirst(request, limits, { dialer: fake('silent'), observer, abandoned })
    controller.abort()

    expect(await dialled).toEqual({ status: 'abandoned' })
    expect(await failed.promise).toBe('timeout')
  })

  it('leaves time for others, and does not blame an endpoint that had less than it may take', async () => {
    const { outcome, failures } = await dial(
      fake('silent', () => {}),
      { dialTimeoutMs: 10_000, dialBudgetMs: 2_000 },
    )

    expect(outcome).toMatchObject({ status: 'connected', endpoint: ENDPOINTS[1] })
    expect(failures).toEqual([])
  })

  it('resets a connection that came too late to be wanted', async () => {
    const controller = new AbortController()
    let wasReset = false
    const inner = fake(() => {})
    const heedless: Dialer = {
      async dial(target) {
        const connection = await inner.dial(target, new AbortController().signal)
        controller.abort()
        return {
          ...connection,
          reset() {
            wasReset = true
          },
        }
      },
    }

    expect((await dial(heedless, { signal: controller.signal })).outcome).toEqual({ status: 'abandoned' })
    expect(wasReset).toBe(true)
  })

  it("takes a dialer's defect for an endpoint that can't be reached", async () => {
    const defect = new TypeError('x is not a function')
    const broken: Dialer = {
      dial: async ({ endpoint }: { endpoint: EndpointAddress }) => {
        if (endpoint === ENDPOINTS[0]) throw defect
        throw new DialError(endpoint, { failure: 'no-peer', reason: 'unknown', retryable: false })
      },
    }

    expect((await dial(broken)).failures).toEqual(['unreachable', 'no-peer'])
  })
})
