import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { afterEach, describe, expect, it } from 'vitest'
import { createServerMetrics } from '../../metrics.ts'
import { type CallBackOutcome, encodeReflectionMessage } from '../../protocol/reflection.ts'
import { Reflector } from '../../server/reflector/reflector.ts'
import { cutSocket } from '../../sockets.ts'
import { findNatType } from './find-nat-type.ts'
import type { ReflectorAddress } from './reflect.ts'

const HOST = '127.0.0.1'
const MAPPING = { ip: '203.0.113.7', port: 40_001 }
const never = new AbortController().signal

let stack = new AsyncDisposableStack()
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

/** Says that this came of the call-back, which it never made; `undefined`: ends the connection instead. */
async function lying(outcome: CallBackOutcome | undefined): Promise<ReflectorAddress> {
  const server = createServer((socket) => {
    stack.defer(() => cutSocket(socket))
    socket.on('error', () => {})
    socket.write(encodeReflectionMessage({ type: 'you', version: 1, mapping: MAPPING }))
    socket.on('data', () => {
      if (outcome === undefined) cutSocket(socket)
      else socket.write(encodeReflectionMessage({ type: 'called-back', outcome }))
    })
  })
  stack.defer(() => void server.close())
  await once(server.listen(0, HOST), 'listening')
  return { host: HOST, port: (server.address() as AddressInfo).port }
}

describe('the NAT type', () => {
  it.each([HOST, '::1'])('is none and open where a call-back to %s gets in', async (host) => {
    const deps = { metrics: createServerMetrics(new MemoryMetrics()), logger: new MemoryLogger() }
    const reflector = stack.use(await Reflector.start({ host, ports: [0, 0] }, deps))
    const reflectors = reflector.ports.map((port) => ({ host, port }))

    const { type, mapping, answered } = await findNatType(reflectors, never)
    expect(type).toEqual({ mapping: 'none', filtering: 'open' })
    expect(mapping.ip).toBe(host)
    expect(answered).toEqual(reflectors)
  })

  it.each([
    ['drop', 'is not answered', 'timeout'],
    ['reject', 'is refused', 'refused'],
    ['unknown', 'is not told of', undefined],
  ] as const)('has the filtering %s where the call-back %s', async (filtering, _what, outcome) => {
    const { type } = await findNatType([await lying(outcome), await lying(outcome)], never)
    expect(type).toEqual({ mapping: 'endpoint-independent', filtering })
  })

  it('has the filtering reject where somebody else has taken the call-back', async () => {
    const { type } = await findNatType([await lying('connected')], never)
    expect(type).toEqual({ mapping: 'unknown', filtering: 'reject' })
  })

  it('is not found out without an answer', async () => {
    await expect(findNatType([], never)).rejects.toMatchObject({ code: 'ERR_NO_REFLECTOR' })
  })
})
