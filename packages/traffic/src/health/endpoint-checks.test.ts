import type { DialTarget, Endpoint, EndpointConnection } from '@edgeway/core'
import { endpointsOf, serviceOf, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { eventually, NODE } from '../../test/traffic-lab.ts'
import { DirectDialer } from '../dial/direct-dialer.ts'
import { EndpointChecks } from './endpoint-checks.ts'

const WEB = serviceOf('shop/web:http', '10.96.0.1', 80).ports[0]?.name ?? expect.fail()
const OPTIONS = { checkTimeoutMs: 5_000, maxConcurrentChecks: 2 }
const [A, B, C] = endpointsOf('edge-1/10.1.0.1:80', 'edge-1/10.1.0.2:80', 'edge-1/10.1.0.3:80') as [
  Endpoint,
  Endpoint,
  Endpoint,
]

describe('EndpointChecks', () => {
  it('finds that an endpoint answers, and hangs up', async () => {
    const ended = Promise.withResolvers<boolean>()
    await using web = await startTcpEndpoint((socket) => {
      socket.resume().on('close', (isBroken: boolean) => ended.resolve(!isBroken))
      socket.on('end', () => socket.end())
    }, NODE)
    await using checks = new EndpointChecks(OPTIONS, new DirectDialer('local'))

    expect(await checks.check(WEB, web.endpoint)).toBeUndefined()
    expect(await ended.promise, 'an ordinary end').toBe(true)
  })

  it('is no error to an endpoint that speaks first', async () => {
    const ended = Promise.withResolvers<boolean>()
    await using mail = await startTcpEndpoint((socket) => {
      socket.resume().on('close', (isBroken: boolean) => ended.resolve(!isBroken))
      socket.write('220 welcome')
      socket.on('end', () => socket.end())
    }, NODE)
    await using checks = new EndpointChecks(OPTIONS, new DirectDialer('local'))

    await checks.check(WEB, mail.endpoint)

    expect(await ended.promise, 'an ordinary end').toBe(true)
  })

  it('takes Services by turns, however many endpoints one of them has', async () => {
    const waiting: (() => void)[] = []
    const order: string[] = []
    const dial = ({ service }: DialTarget) => {
      order.push(service)
      return new Promise<EndpointConnection>((_resolve, reject) =>
        waiting.push(() => reject(new Error('no'))),
      )
    }
    const API = serviceOf('shop/api:http', '10.96.0.2', 80).ports[0]?.name ?? expect.fail()
    await using checks = new EndpointChecks({ ...OPTIONS, maxConcurrentChecks: 1 }, { dial })

    const results = [A, B, C].map((endpoint) => checks.check(WEB, endpoint))
    results.push(checks.check(API, A))
    for (const _ of results) {
      await eventually(() => waiting[0])
      waiting.shift()?.()
    }
    await Promise.all(results)

    expect(order).toEqual([WEB, WEB, API, WEB])
  })

  it('finds that an endpoint refuses', async () => {
    const web = await startTcpEndpoint(() => {}, NODE)
    await web[Symbol.asyncDispose]()
    await using checks = new EndpointChecks(OPTIONS, new DirectDialer('local'))

    expect(await checks.check(WEB, web.endpoint)).toBe('refused')
  })

  it('takes silence for a timeout', async () => {
    const silent = { dial: (_target: unknown, signal: AbortSignal) => untilAborted(signal) }
    await using checks = new EndpointChecks({ ...OPTIONS, checkTimeoutMs: 1 }, silent)

    expect(await checks.check(WEB, A)).toBe('timeout')
  })

  it('checks only so many at a time, and all in the end', async () => {
    const waiting: (() => void)[] = []
    const dial = () =>
      new Promise<EndpointConnection>((_resolve, reject) => waiting.push(() => reject(new Error('no'))))
    await using checks = new EndpointChecks(OPTIONS, { dial })

    const results = Promise.all([A, B, C].map((endpoint) => checks.check(WEB, endpoint)))
    expect(waiting).toHaveLength(2)
    waiting.shift()?.()
    await eventually(() => (waiting.length === 2 ? true : undefined))
    for (const next of waiting) next()

    expect(await results).toEqual(['unreachable', 'unreachable', 'unreachable'])
  })

  it('gives up what runs at its disposal', async () => {
    const checks = new EndpointChecks(OPTIONS, { dial: (_target, signal) => untilAborted(signal) })
    const result = checks.check(WEB, A)

    await checks[Symbol.asyncDispose]()

    expect(await result).toBe('unreachable')
  })
})

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}
