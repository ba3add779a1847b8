import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import {
  type ConnectionPool,
  DialError,
  type Dialer,
  type Endpoint,
  NO_CONNECTION_POOL,
  type Service,
} from '@edgeway/core'
import { endpointsOf, FakeDialer, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { proxyHeaderV2 } from '../account/proxy-protocol.ts'
import { AbandonedDials } from '../dial/abandoned-dials.ts'
import { DirectDialer } from '../dial/direct-dialer.ts'
import { DialBudget } from './dial-budget.ts'
import { connectFailureOf, UpstreamDialer } from './upstream-dialer.ts'

const SERVICE = serviceOf('shop/web:http', '10.96.0.1', 80)
const NAME = SERVICE.ports[0]?.name ?? expect.fail()
const [ENDPOINT] = endpointsOf('edge-2/10.1.0.1:80') as [Endpoint]
const WANTED = new AbortController().signal
const CALLER = { source: { ip: '10.1.0.9', port: 40_000 }, destination: { ip: '10.96.0.1', port: 80 } }

describe('UpstreamDialer', () => {
  let heard: string[]
  let abandoned: AbandonedDials
  beforeEach(() => {
    heard = []
    abandoned = new AbandonedDials()
  })

  function over(dialer: Dialer, limits = { dialTimeoutMs: 5_000, dialBudgetMs: 15_000 }): UpstreamDialer {
    const feedback = {
      connected: () => void heard.push('connected'),
      failed: (_service: unknown, _endpoint: unknown, failure: string) =>
        void heard.push(`failed ${failure}`),
    }
    return new UpstreamDialer(limits, { dialer, abandoned, feedback })
  }

  function upstream(wishes: Partial<Service> = {}, pool: Partial<ConnectionPool> = {}) {
    const routes = {
      name: NAME,
      service: { ...SERVICE, ...wishes },
      pool: { ...NO_CONNECTION_POOL, ...pool },
    }
    return { endpoint: ENDPOINT, routes, proxied: undefined }
  }

  it('connects to the endpoint and to no other, and tells that it could', async () => {
    const dialer = new FakeDialer()
    dialer.set(ENDPOINT, () => {})
    const outcome = await over(dialer).dial(upstream(), WANTED)

    expect(outcome).toMatchObject({ status: 'connected', endpoint: ENDPOINT })
    expect(dialer.dialled).toEqual([{ endpoint: ENDPOINT, service: NAME }])
    expect(heard).toEqual(['connected'])
  })

  it.each([
    ['refuse', 'refused', 'connect-failure'],
    ['refuse-for-good', 'rejected', 'no-dial'],
  ] as const)(
    'tells of an endpoint that does %s, and whether another one may do',
    async (answer, why, failure) => {
      const dialer = new FakeDialer()
      dialer.set(ENDPOINT, answer)
      const outcome = await over(dialer).dial(upstream(), WANTED)

      expect(heard).toEqual([`failed ${why}`])
      expect(outcome.status === 'failed' && connectFailureOf(outcome.error)).toBe(failure)
    },
  )

  it('leaves an endpoint that does not answer after the time of the DestinationRule', async () => {
    const dialer = new FakeDialer()
    dialer.set(ENDPOINT, 'silent')
    const hours = { dialTimeoutMs: 3_600_000, dialBudgetMs: 36_000_000 }
    const outcome = await over(dialer, hours).dial(upstream({}, { connectTimeoutMs: 20 }), WANTED)

    expect(outcome).toMatchObject({ status: 'failed', error: { failure: 'timeout' } })
    expect(heard).toEqual(['failed timeout'])
  })

  it('has no patience with slow ways where the DestinationRule has set a time', async () => {
    const silent = new FakeDialer()
    silent.set(ENDPOINT, 'silent')
    const asked: string[] = []
    const dialer: Dialer = {
      dial: (target, signal) => silent.dial(target, signal),
      patienceMs: () => asked.push('patience'),
    }
    await over(dialer).dial(upstream({}, { connectTimeoutMs: 20 }), WANTED)
    expect(asked).toEqual([])

    await over(dialer, { dialTimeoutMs: 20, dialBudgetMs: 1_000 }).dial(upstream(), WANTED)
    expect(asked).toEqual(['patience'])
  })

  it('goes on for itself when nobody wants the connection any more, and drops it then', async () => {
    const answer = Promise.withResolvers<void>()
    const reset = vi.fn()
    const connection = new FakeDialer()
    connection.set(ENDPOINT, () => {})
    const dialer: Dialer = {
      dial: async (target, signal) => {
        await answer.promise
        return { ...(await connection.dial(target, signal)), reset }
      },
    }
    const unwanted = new AbortController()
    const dialling = over(dialer).dial(upstream(), unwanted.signal)
    unwanted.abort()

    expect(await dialling).toEqual({ status: 'abandoned' })
    answer.resolve()
    await vi.waitFor(() => expect(reset).toHaveBeenCalledOnce())
  })

  it('takes its time from what the request has left', async () => {
    const dialer = new FakeDialer()
    dialer.set(ENDPOINT, 'silent')
    const budget = new DialBudget(20)
    const outcome = await over(dialer).dial({ ...upstream(), budget }, WANTED)

    expect(outcome).toMatchObject({ status: 'failed', error: { failure: 'timeout' } })
    expect(budget.leftMs).toBeLessThan(20)
    // With so little time that says nothing of the endpoint.
    expect(heard).toEqual([])
  })

  it('does not begin when the request has no time left', async () => {
    const dialer = new FakeDialer()
    const outcome = await over(dialer).dial({ ...upstream(), budget: new DialBudget(0) }, WANTED)

    expect(outcome).toMatchObject({ status: 'failed', error: { failure: 'timeout' } })
    expect(dialer.dialled).toEqual([])
    expect(heard).toEqual([])
  })

  it.each([
    ['of the client', CALLER],
    ['of nobody', undefined],
  ])('tells an endpoint that asks for it %s, before all else', async (_who, proxied) => {
    const dialer = new FakeDialer()
    const received = Promise.withResolvers<Buffer>()
    dialer.set(ENDPOINT, async ({ stream }) => received.resolve(await buffer(stream)))
    const wishes = { annotations: { 'edgeway.io/proxy-protocol': 'v2' } }
    const outcome = await over(dialer).dial({ ...upstream(wishes), proxied }, WANTED)
    if (outcome.status !== 'connected') expect.fail(outcome.status)
    outcome.connection.stream.end('GET')

    const header = proxyHeaderV2(proxied ?? { source: undefined, destination: undefined })
    expect(await received.promise).toEqual(Buffer.concat([header, Buffer.from('GET')]))
  })

  it('probes a silent connection as the DestinationRule wishes', async () => {
    const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await using _server = closing(server)
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const [endpoint] = endpointsOf(`edge-1/127.0.0.1:${port}`) as [Endpoint]
    const direct = new DirectDialer('local')
    const set = vi.fn()
    const dialer: Dialer = {
      dial: async (target, signal) => {
        const connection = await direct.dial(target, signal)
        ;(connection.stream as Socket).setKeepAlive = set
        return connection
      },
    }
    const keepAlive = { probes: 3, timeMs: 10_000, intervalMs: undefined }
    const outcome = await over(dialer).dial({ ...upstream({}, { keepAlive }), endpoint }, WANTED)

    expect(set).toHaveBeenCalledWith({ enable: true, initialDelay: 10_000, interval: 75_000, count: 3 })
    if (outcome.status === 'connected') outcome.connection.reset()
  })
})

describe('connectFailureOf', () => {
  it('says that no other endpoint does when this node has nothing left to connect with', () => {
    const error = new DialError(ENDPOINT, { failure: 'exhausted', reason: 'no ports', retryable: false })

    expect(connectFailureOf(error)).toBe('no-dial')
  })
})

function closing(server: Server): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
