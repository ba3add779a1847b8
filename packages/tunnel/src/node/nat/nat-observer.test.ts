import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { parseServerAddress } from '../../addresses.ts'
import { NoReflectorError } from '../../errors.ts'
import { createTunnelMetrics } from '../../metrics.ts'
import { type NatType, UNKNOWN_NAT } from '../../nat-type.ts'
import type { ReflectingServer } from './choose-reflectors.ts'
import type { FoundNat } from './find-nat-type.ts'
import { NatObserver } from './nat-observer.ts'
import type { ReflectorAddress } from './reflect.ts'

const HOME: NatType = { mapping: 'endpoint-independent', filtering: 'drop' }
const OFFICE: NatType = { mapping: 'symmetric', filtering: 'reject' }
const TIMES = { settleMs: 1, spacingMs: 1, firstRetryMs: 1, maxRetryMs: 2 }
const SOON = { timeout: 5_000, interval: 5 }

const server = (name: string, ...reflectorPorts: number[]): ReflectingServer => ({
  address: parseServerAddress(`${name}:1`),
  reflectorPorts,
})

/** An observer whose tests are answered by the test: each waits until it is told what comes of it. */
class World implements Disposable {
  joined: ReflectingServer[] = []
  egress: string[] = []
  readonly metrics = new MemoryMetrics()
  readonly logger = new MemoryLogger()
  readonly tests: Test[] = []
  readonly changes: NatType[] = []
  readonly observer: NatObserver

  constructor(times: Partial<typeof TIMES> = {}) {
    this.observer = new NatObserver({
      joined: () => this.joined,
      egress: () => this.egress,
      metrics: createTunnelMetrics(this.metrics),
      logger: this.logger,
      find: (asked, signal) => {
        const test = new Test(asked, signal)
        this.tests.push(test)
        return test.result.promise
      },
      times: { ...TIMES, ...times },
    })
    this.observer.onChange(() => this.changes.push(this.observer.type))
  }

  join(...servers: ReflectingServer[]): void {
    this.joined = servers
    this.observer.update()
  }

  /** The test of that number, from 1 on, once it has begun. */
  async test(number: number): Promise<Test> {
    return await vi.waitFor(() => {
      const test = this.tests[number - 1]
      if (test === undefined) throw new Error(`${this.tests.length} tests by now`)
      return test
    }, SOON)
  }

  async finds(type: NatType): Promise<void> {
    await vi.waitFor(() => expect(this.observer.type).toEqual(type), SOON)
  }

  [Symbol.dispose](): void {
    this.observer[Symbol.dispose]()
  }
}

class Test {
  readonly asked: readonly string[]
  readonly signal: AbortSignal
  readonly result = Promise.withResolvers<FoundNat>()
  readonly #reflectors: readonly ReflectorAddress[]

  constructor(reflectors: readonly ReflectorAddress[], signal: AbortSignal) {
    this.#reflectors = reflectors
    this.asked = reflectors.map(({ host, port }) => `${host} ${port}`)
    this.signal = signal
    signal.addEventListener('abort', () => this.result.reject(signal.reason))
  }

  ends(type: NatType, answered = this.asked, ip = '203.0.113.7'): void {
    const of = this.#reflectors.filter(({ host, port }) => answered.includes(`${host} ${port}`))
    this.result.resolve({ type, mapping: { ip, port: 1 }, answered: of })
  }

  fails(): void {
    this.result.reject(new NoReflectorError(this.asked))
  }
}

let world: World
afterEach(() => {
  world[Symbol.dispose]()
  vi.useRealTimers()
})

describe('the NAT type of a node', () => {
  it('is found out when the first server is joined, and told', async () => {
    world = new World()
    expect(world.observer.type).toEqual(UNKNOWN_NAT)
    world.join(server('a', 10, 11))
    const test = await world.test(1)
    expect(test.asked).toEqual(['a 10', 'a 11'])
    test.ends(HOME)

    await world.finds(HOME)
    expect(world.changes).toEqual([HOME])
    expect(world.metrics.value('edgeway_tunnel_nat_info', { ...HOME })).toBe(1)
    expect(world.metrics.value('edgeway_tunnel_nat_info', { ...UNKNOWN_NAT })).toBe(0)
    expect(world.logger.lines).toMatchObject([
      { level: 'info', fields: { nat: 'endpoint-independent/drop', address: '203.0.113.7' } },
    ])
  })

  it('is asked for again when a server at another address is joined', async () => {
    world = new World()
    world.join(server('a', 10))
    await ended(1, HOME)
    world.join(server('a', 10), server('b', 20))

    expect((await world.test(2)).asked).toEqual(['a 10', 'b 20'])
  })

  it('is not asked for when a server is lost and comes back, nor while nothing happens', async () => {
    vi.useFakeTimers()
    world = new World()
    world.egress = ['192.0.2.1', '192.0.2.2']
    world.join(server('a', 10), server('b', 20))
    await vi.advanceTimersByTimeAsync(10)
    world.tests[0]?.ends(HOME)
    await vi.advanceTimersByTimeAsync(10)
    expect(world.observer.type).toEqual(HOME)
    world.egress = ['192.0.2.1']
    world.join(server('b', 20))
    await vi.advanceTimersByTimeAsync(86_400_000)
    world.join(server('a', 10), server('b', 20))
    await vi.advanceTimersByTimeAsync(86_400_000)

    expect(world.tests).toHaveLength(1)
  })

  it('is asked for again when the egress is another one', async () => {
    world = new World()
    world.egress = ['192.0.2.1']
    world.join(server('a', 10, 11))
    await ended(1, HOME)
    world.observer.update()
    world.egress = ['192.0.2.2']
    world.observer.update()
    await ended(2, OFFICE)

    expect(world.changes).toEqual([HOME, OFFICE])
    expect(world.metrics.value('edgeway_tunnel_nat_info', { ...HOME })).toBe(0)
  })

  it('is asked for anew at once when addresses change in the middle of a test', async () => {
    world = new World()
    world.join(server('a', 10, 11))
    const first = await world.test(1)
    world.observer.wake()
    expect(first.signal.aborted).toBe(true)
    await ended(2, OFFICE)

    expect(world.changes).toEqual([OFFICE])
  })

  it('is told with the address that was seen, also when that alone is another one', async () => {
    world = new World()
    world.join(server('a', 10, 11))
    await ended(1, HOME)
    expect(world.observer.address).toBe('203.0.113.7')
    world.observer.wake()
    expect(world.observer.address).toBeUndefined()
    ;(await world.test(2)).ends(HOME, undefined, '203.0.113.8')

    await vi.waitFor(() => expect(world.observer.address).toBe('203.0.113.8'), SOON)
    expect(world.changes).toEqual([HOME, HOME])
  })

  it('is asked for when a server is joined again, if the addresses changed while none was', async () => {
    world = new World()
    world.join(server('a', 10, 11))
    await ended(1, HOME)
    world.join()
    world.observer.wake()
    world.join(server('a', 10, 11))

    await ended(2, OFFICE)
  })

  it('is asked for again after a test in which another server was joined', async () => {
    world = new World()
    world.join(server('a', 10))
    const first = await world.test(1)
    world.join(server('a', 10), server('b', 20))
    expect(first.signal.aborted).toBe(false)
    first.ends({ ...HOME, mapping: 'unknown' })
    await ended(2, HOME)

    expect((await world.test(2)).asked).toEqual(['a 10', 'b 20'])
  })

  it('is asked for by other reflectors where some are silent, and they come last from then on', async () => {
    world = new World()
    world.join(server('a', 10, 11), server('b', 20, 21))
    ;(await world.test(1)).ends({ ...HOME, mapping: 'unknown' }, ['b 20'])
    const second = await world.test(2)
    expect(second.asked).toEqual(['b 20', 'a 11'])
    second.ends({ ...HOME, mapping: 'unknown' }, ['b 20'])
    const third = await world.test(3)
    expect(third.asked).toEqual(['b 20', 'b 21'])
    third.ends(HOME)

    await world.finds(HOME)
    expect(world.changes).toEqual([HOME])
    expect(world.observer.reflectors().map(({ host, port }) => `${host} ${port}`)).toEqual(['b 20', 'b 21'])
  })

  it('is unknown when nobody answers any more, and is asked for until somebody does', async () => {
    world = new World()
    world.join(server('a', 10, 11))
    await ended(1, HOME)
    world.observer.wake()
    for (const number of [2, 3, 4]) (await world.test(number)).fails()
    await ended(5, OFFICE)

    expect(world.changes).toEqual([HOME, UNKNOWN_NAT, OFFICE])
  })

  it('has no reflectors to punch with while none answers, and has them again once one does', async () => {
    world = new World()
    world.join(server('a', 10, 11))
    const reflectors = (): number => world.observer.reflectors().length
    expect(reflectors()).toBe(2)
    ;(await world.test(1)).fails()
    const second = await world.test(2)
    expect(reflectors()).toBe(0)
    second.ends(HOME)
    await world.finds(HOME)

    expect(reflectors()).toBe(2)
  })

  it('stays unknown, and costs nothing, without reflectors', () => {
    world = new World()
    world.join(server('a'))
    world.observer.wake()

    expect(world.observer.reflectors()).toEqual([])
    expect(world.tests).toEqual([])
  })

  it('is asked for three times in a row at most when addresses change all the time', async () => {
    vi.useFakeTimers()
    world = new World({ spacingMs: 10_000 })
    world.join(server('a', 10, 11))
    for (let second = 0; second < 61; second++) {
      await vi.advanceTimersByTimeAsync(1_000)
      world.tests.at(-1)?.ends(HOME)
      world.observer.wake()
    }

    // And one in 10 s from then on.
    expect(world.tests).toHaveLength(3 + 6)
  })

  it('is asked for at once when a server is back that did not answer before', async () => {
    world = new World({ firstRetryMs: 3_600_000, maxRetryMs: 3_600_000 })
    world.join(server('a', 10, 11))
    const first = await world.test(1)
    first.fails()
    await first.result.promise.catch(() => {})
    world.join()
    world.join(server('a', 10, 11))

    await ended(2, HOME)
  })

  it('is not looked for any more when the node stops', async () => {
    vi.useFakeTimers()
    world = new World()
    world.join(server('a', 10, 11))
    await vi.advanceTimersByTimeAsync(10)
    world[Symbol.dispose]()
    expect(world.tests[0]?.signal.aborted).toBe(true)
    world.observer.wake()
    world.join(server('b', 20))
    await vi.advanceTimersByTimeAsync(60_000)

    expect(world.tests).toHaveLength(1)
  })
})

/** Lets the test of that number find that. */
async function ended(number: number, type: NatType): Promise<void> {
  ;(await world.test(number)).ends(type)
  await world.finds(type)
}
