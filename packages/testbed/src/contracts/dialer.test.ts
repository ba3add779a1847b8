import type { DialTarget } from '@edgeway/core'
import { describe, it } from 'vitest'
import { endpointsOf, serviceOf } from '../builders.ts'
import { type FakeAnswer, FakeDialer } from '../fakes/fake-dialer.ts'
import { type DialerUnderTest, dialerContract } from './dialer.ts'

async function open(): Promise<DialerUnderTest> {
  const dialer = new FakeDialer()
  let next = 1
  const add = (answer: FakeAnswer): DialTarget => {
    const [endpoint] = endpointsOf(`edge-1/10.1.0.1:${next++}`)
    const [service] = serviceOf('shop/web:http', '10.96.0.1', 80).ports
    if (endpoint === undefined || service === undefined) throw new Error('the builders make one each')
    dialer.set(endpoint, answer)
    return { endpoint, service: service.name }
  }
  return {
    dialer,
    listen: async (serve) => add(serve),
    refusing: async () => add('refuse'),
    [Symbol.asyncDispose]: async () => {},
  }
}

describe('FakeDialer', () => {
  it.each(dialerContract(open))('$title', ({ run }) => run())
})
