import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTunnelMetrics } from '../../metrics.ts'
import {
  type FailedMapping,
  failed,
  type Gateway,
  type GrantedMapping,
  type PortMapper,
} from './port-mapper.ts'
import { PortMapping } from './port-mapping.ts'

type Answer = GrantedMapping | FailedMapping

/** A router as it is told to be. */
class Router implements PortMapper {
  readonly protocol = 'nat-pmp'
  answer: Answer = failed('no-answer', 'silent')
  asked: number[] = []
  removed: number[] = []

  async map({ externalPort }: { externalPort: number }): Promise<Answer> {
    this.asked.push(externalPort)
    return this.answer
  }

  async unmap({ externalPort }: { externalPort: number }): Promise<void> {
    this.removed.push(externalPort)
  }
}

const granted = (port: number, { ip = '45.80.0.101', lifetimeSeconds = 1_200 } = {}): GrantedMapping => ({
  ...{ kind: 'mapped', external: { ip, port }, lifetimeSeconds },
})
const MINUTE = 60_000

describe('PortMapping', () => {
  let router: Router
  let mapping: PortMapping
  let listening: Set<string>
  let gateway: Gateway | undefined
  let metrics: MemoryMetrics
  let logger: MemoryLogger

  beforeEach(() => {
    vi.useFakeTimers()
    router = new Router()
    listening = new Set(['/ip4/192.168.1.10/tcp/20008'])
    gateway = { ip: '192.168.1.1' }
    metrics = new MemoryMetrics()
    logger = new MemoryLogger()
    mapping = new PortMapping({
      ...{ listening: () => listening, metrics: createTunnelMetrics(metrics), logger },
      gateway: async () => gateway,
      mappersOf: () => [router],
    })
  })
  afterEach(() => vi.useRealTimers())

  async function woken(): Promise<void> {
    mapping.wake()
    await vi.advanceTimersByTimeAsync(1)
  }

  it('tells the address that the router gave, and asks for the same again at half its life', async () => {
    const changes: (readonly string[])[] = []
    mapping.onChange(() => changes.push(mapping.addresses))
    router.answer = granted(50_000)
    await woken()
    expect(mapping.addresses).toEqual(['/ip4/45.80.0.101/tcp/50000'])
    expect(metrics.value('edgeway_tunnel_port_mappings', { protocol: 'nat-pmp' })).toBe(1)

    await vi.advanceTimersByTimeAsync(30 * MINUTE)
    expect(router.asked).toEqual([20_008, 50_000, 50_000, 50_000])
    expect(changes).toEqual([['/ip4/45.80.0.101/tcp/50000']])
  })

  it.each([1, 4_294_967_295])(
    'asks neither at once nor never again after a lifetime of %i s',
    async (seconds) => {
      router.answer = granted(20_008, { lifetimeSeconds: seconds })
      await woken()
      await vi.advanceTimersByTimeAsync(29_000)
      expect(router.asked).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(10 * MINUTE)
      expect(router.asked.length).toBeGreaterThan(1)
    },
  )

  it('withdraws the address when the router maps it no longer, and says why', async () => {
    router.answer = granted(20_008)
    await woken()
    router.answer = failed('refused', 'not authorized')
    await woken()

    expect(mapping.addresses).toEqual([])
    expect(mapping.status).toMatchObject({ state: 'none', reason: 'refused', message: 'not authorized' })
    expect(metrics.value('edgeway_tunnel_port_mappings', { protocol: 'nat-pmp' })).toBe(0)
    expect(metrics.value('edgeway_tunnel_port_mapping_failures_total', { reason: 'refused' })).toBe(1)
    expect(logger.lines.map(({ level }) => level)).toEqual(['info', 'warn'])
  })

  it('backs off up to an hour while no router maps, says so once, and tries at once when woken', async () => {
    await woken()
    await vi.advanceTimersByTimeAsync(127 * MINUTE)
    expect(router.asked).toHaveLength(8)
    await vi.advanceTimersByTimeAsync(24 * 60 * MINUTE)
    expect(router.asked).toHaveLength(32)
    expect(logger.lines).toHaveLength(1)

    router.answer = granted(20_008)
    await woken()
    expect(mapping.addresses).toEqual(['/ip4/45.80.0.101/tcp/20008'])
  })

  it('gives back a mapping on a router that is behind a NAT itself, and says so', async () => {
    router.answer = granted(20_008, { ip: '100.64.1.1' })
    await woken()

    expect(mapping.addresses).toEqual([])
    expect(router.removed).toEqual([20_008])
    expect(mapping.status).toMatchObject({
      reason: 'private-address',
      message: expect.stringContaining('100.64.1.1'),
    })
  })

  it('asks nobody while this node has a public address, and gives back what it had', async () => {
    router.answer = granted(20_008)
    await woken()
    listening = new Set([...listening, '/ip4/45.80.0.7/tcp/20008'])
    await woken()

    expect(mapping.addresses).toEqual([])
    expect(router.removed).toEqual([20_008])
    await vi.advanceTimersByTimeAsync(24 * 60 * MINUTE)
    expect(router.asked).toHaveLength(1)
  })

  it('has no mapping without a gateway', async () => {
    gateway = undefined
    await woken()
    expect(mapping.status).toMatchObject({ state: 'none', reason: 'no-gateway' })
  })

  it('asks once more, and not more often, when woken many times while it asks', async () => {
    for (let i = 0; i < 10; i++) mapping.wake()
    await vi.advanceTimersByTimeAsync(1)
    expect(router.asked).toHaveLength(2)
  })

  it('removes the mapping at the end, and does nothing afterwards', async () => {
    router.answer = granted(50_000)
    await woken()
    await mapping[Symbol.asyncDispose]()
    expect(router.removed).toEqual([50_000])

    mapping.wake()
    await vi.advanceTimersByTimeAsync(60 * MINUTE)
    expect(router.asked).toHaveLength(1)
  })
})
