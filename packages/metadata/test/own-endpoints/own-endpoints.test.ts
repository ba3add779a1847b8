import { FakeComponentDeps, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import type { Corrections } from '../../src/own-endpoints/corrections.ts'
import type { OwnEndpoint } from '../../src/own-endpoints/own-endpoint.ts'
import {
  DEFAULT_OWN_ENDPOINTS_OPTIONS,
  OwnEndpoints,
  type OwnEndpointsDeps,
  type OwnEndpointsOptions,
} from '../../src/own-endpoints/own-endpoints.ts'
import type { PodRuntime, RunningPod } from '../../src/own-endpoints/pod-runtime.ts'
import { openCriRuntime } from '../../src/own-endpoints/runtime-questions.ts'
import type { Connect } from '../../src/own-endpoints/tcp-check.ts'
import { FakeCri } from './fake-cri.ts'

const WEB: OwnEndpoint = {
  ip: '10.1.0.2',
  port: 80,
  protocol: 'TCP',
  pod: { namespace: 'shop', name: 'web-0', uid: undefined },
}
const DEAD = 'edgeway_metadata_own_endpoints_dead'
const MOVED = 'edgeway_metadata_own_endpoints_moved'

/** OwnEndpoints over endpoints, a network and a runtime in memory. Rounds come when asked for. */
class Watched implements AsyncDisposable {
  readonly process = new FakeComponentDeps()
  readonly corrected: Corrections[] = []
  /** Addresses that were connected to, in order, as `ip:port`. */
  readonly asked: string[] = []
  /** What connecting to an address comes to; nothing is accepted. */
  readonly answers = new Map<string, 'hang' | string>()
  endpoints: readonly OwnEndpoint[] = [WEB]
  pods: readonly RunningPod[] | Error = []
  readonly own: OwnEndpoints

  constructor(options: Partial<OwnEndpointsOptions> = {}, deps: Partial<OwnEndpointsDeps> = {}) {
    const { logger, metrics, onFatal } = this.process
    this.own = new OwnEndpoints(
      { ...DEFAULT_OWN_ENDPOINTS_OPTIONS, checkIntervalMs: 600_000, criSocket: 'off', ...options },
      {
        logger,
        metrics,
        onFatal,
        endpoints: () => this.endpoints,
        corrected: (corrections) => this.corrected.push(corrections),
        connect: (target, signal) => this.#connect(target, signal),
        openPodRuntime: async () => this.#runtime(),
        ...deps,
      },
    )
  }

  get messages(): readonly string[] {
    return this.process.logger.lines.map(({ message }) => message)
  }

  /** Waits for `count` connects since the beginning. */
  async connects(count: number): Promise<void> {
    await expect.poll(() => this.asked.length).toBeGreaterThanOrEqual(count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.own[Symbol.asyncDispose]()
  }

  #connect: Connect = async ({ ip, port }, signal) => {
    this.asked.push(`${ip}:${port}`)
    const answer = this.answers.get(`${ip}:${port}`)
    if (answer === 'hang')
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    if (answer !== undefined) throw Object.assign(new Error(`connect ${answer}`), { code: answer })
  }

  #runtime(): PodRuntime {
    return {
      runningPods: async () => {
        if (this.pods instanceof Error) throw this.pods
        return this.pods
      },
    }
  }
}

function pod(name: string, ...ips: readonly string[]): RunningPod {
  return { namespace: 'shop', name, uid: `uid-${name}`, ips, isHostNetwork: false, createdAt: 1 }
}

describe('OwnEndpoints', () => {
  it('does nothing while the source is not stale', async () => {
    await using watched = new Watched()
    watched.own.check()
    watched.own.setStale(false)
    await new Promise((resolve) => setImmediate(resolve))

    expect(watched.asked).toEqual([])
    expect(watched.corrected).toEqual([])
  })

  it('finds dead endpoints at once when the source becomes stale, and drops that at once when it is back', async () => {
    await using watched = new Watched()
    watched.answers.set('10.1.0.2:80', 'ECONNREFUSED')
    watched.own.setStale(true)
    await expect.poll(() => watched.corrected).toHaveLength(1)

    expect(watched.own.corrections.isDead(WEB)).toBe(true)
    expect(watched.process.metrics.value(DEAD)).toBe(1)
    expect(watched.messages).toEqual(['own endpoints do not answer'])

    watched.own.setStale(false)
    expect(watched.corrected).toHaveLength(2)
    expect(watched.corrected[1]?.isDead(WEB)).toBe(false)
    expect(watched.process.metrics.value(DEAD)).toBe(0)
  })

  it('has an endpoint back with the next round, and says so', async () => {
    await using watched = new Watched({ checkIntervalMs: 1 })
    watched.answers.set('10.1.0.2:80', 'EHOSTUNREACH')
    watched.own.setStale(true)
    await expect.poll(() => watched.corrected).toHaveLength(1)
    watched.answers.clear()
    await expect.poll(() => watched.corrected).toHaveLength(2)

    expect(watched.own.corrections.isDead(WEB)).toBe(false)
    expect(watched.messages).toEqual(['own endpoints do not answer', 'own endpoints answer again'])
  })

  it('counts a silent endpoint as dead after the second round only', async () => {
    await using watched = new Watched({ connectTimeoutMs: 1 })
    const refusing = { ...WEB, port: 81 }
    watched.endpoints = [WEB, refusing]
    watched.answers.set('10.1.0.2:80', 'hang').set('10.1.0.2:81', 'ECONNREFUSED')
    watched.own.setStale(true)
    await expect.poll(() => watched.corrected).toHaveLength(1)
    expect(watched.own.corrections.isDead(refusing)).toBe(true)
    expect(watched.own.corrections.isDead(WEB)).toBe(false)

    watched.own.check()
    await expect.poll(() => watched.corrected).toHaveLength(2)
    expect(watched.own.corrections.isDead(WEB)).toBe(true)
  })

  it('never counts an endpoint as dead for want of descriptors', async () => {
    await using watched = new Watched({ checkIntervalMs: 1 })
    watched.answers.set('10.1.0.2:80', 'EMFILE')
    watched.own.setStale(true)
    await watched.connects(3)

    expect(watched.corrected).toEqual([])
  })

  it('makes one round of many changes', async () => {
    await using watched = new Watched({ connectTimeoutMs: 10 })
    watched.answers.set('10.1.0.2:80', 'hang')
    watched.own.setStale(true)
    await watched.connects(1)
    const next = { ...WEB, port: 81 }
    watched.endpoints = [next]
    for (let change = 0; change < 100; change++) watched.own.check()
    watched.answers.set('10.1.0.2:81', 'ECONNREFUSED')
    await expect.poll(() => watched.corrected).toHaveLength(1)

    expect(watched.own.corrections.isDead(next)).toBe(true)
    expect(watched.asked).toEqual(['10.1.0.2:80', '10.1.0.2:81'])
  })

  it('resolves pods by the runtime, and connects to where they are', async () => {
    await using watched = new Watched({ criSocket: '/run/fake.sock' })
    watched.pods = [pod('web-0', '10.1.0.7')]
    watched.answers.set('10.1.0.7:80', 'ECONNREFUSED')
    watched.own.setStale(true)
    await expect.poll(() => watched.corrected).toHaveLength(2)

    expect(watched.asked).toEqual(['10.1.0.7:80'])
    expect(watched.corrected.map((corrections) => corrections.presentIp('10.1.0.2'))).toEqual([
      '10.1.0.7',
      '10.1.0.7',
    ])
    expect(watched.corrected.map((corrections) => corrections.isDead(WEB))).toEqual([false, true])
    expect([DEAD, MOVED].map((name) => watched.process.metrics.value(name))).toEqual([1, 1])
  })

  it('keeps what the runtime said while that is restarted, and says once that it does not answer', async () => {
    await using watched = new Watched({ criSocket: '/run/fake.sock', checkIntervalMs: 1 })
    watched.pods = [pod('web-0', '10.1.0.7')]
    watched.own.setStale(true)
    await watched.connects(1)
    watched.pods = new Error('connect ECONNREFUSED')
    await watched.connects(watched.asked.length + 3)

    expect(watched.asked).toEqual(watched.asked.map(() => '10.1.0.7:80'))
    expect(watched.corrected).toHaveLength(1)
    expect(watched.messages).toEqual([
      'container runtime tells where pods are',
      'pods of own endpoints have other addresses than stored',
      'container runtime can not be asked where pods are, trying again',
    ])
  })

  it('checks by TCP alone when the runtime can not be asked, and says so once', async () => {
    await using watched = new Watched({ criSocket: '/run/fake.sock', checkIntervalMs: 1 })
    watched.pods = new Error('permission denied')
    watched.answers.set('10.1.0.2:80', 'ECONNREFUSED')
    watched.own.setStale(true)
    await watched.connects(2)
    watched.own.setStale(false)
    watched.own.setStale(true)
    await expect.poll(() => watched.own.corrections.isDead(WEB)).toBe(true)

    const warnings = watched.process.logger.lines.filter(({ fields }) => 'socket' in fields)
    expect(warnings).toMatchObject([
      { level: 'warn', fields: { socket: '/run/fake.sock', error: { message: 'permission denied' } } },
    ])
  })

  it('does not wait for a runtime that hangs, and hangs up', async () => {
    await using cri = await FakeCri.start()
    cri.mood = 'silent'
    await using watched = new Watched(
      { criSocket: socketOf(cri), criTimeoutMs: 10 },
      { openPodRuntime: openCriRuntime },
    )
    watched.answers.set('10.1.0.2:80', 'ECONNREFUSED')
    watched.own.setStale(true)
    await expect.poll(() => watched.own.corrections.isDead(WEB)).toBe(true)

    expect(watched.process.logger.lines[0]?.fields['error']).toMatchObject({
      message: `${cri.socketPath} can't be asked: The operation was aborted due to timeout`,
    })
    await expect.poll(() => cri.connections).toBe(0)
  })

  it('drops what a round finds that was under way when the source came back', async () => {
    await using watched = new Watched()
    watched.answers.set('10.1.0.2:80', 'hang')
    watched.own.setStale(true)
    await watched.connects(1)
    watched.own.setStale(false)
    watched.answers.set('10.1.0.2:80', 'ECONNREFUSED')
    watched.own.setStale(true)
    await watched.connects(2)
    watched.own.setStale(false)
    await watched.own[Symbol.asyncDispose]()

    expect(watched.corrected.length % 2).toBe(0)
    expect(watched.own.corrections.isDead(WEB)).toBe(false)
  })

  it('drops what the runtime says after the source came back', async () => {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<readonly RunningPod[]>()
    const runningPods = (): Promise<readonly RunningPod[]> => {
      asked.resolve()
      return answer.promise
    }
    await using watched = new Watched(
      { criSocket: '/run/fake.sock' },
      { openPodRuntime: async () => ({ runningPods }) },
    )
    watched.own.setStale(true)
    await asked.promise
    watched.own.setStale(false)
    answer.resolve([pod('web-0', '10.1.0.7')])
    await watched.own[Symbol.asyncDispose]()

    expect(watched.corrected).toEqual([])
    expect(watched.own.corrections.presentIp('10.1.0.2')).toBe('10.1.0.2')
  })

  it('stops at once, says nothing afterwards, and may be stopped twice', async () => {
    await using watched = new Watched()
    watched.answers.set('10.1.0.2:80', 'hang')
    watched.own.setStale(true)
    await watched.connects(1)
    await watched.own[Symbol.asyncDispose]()
    watched.own.setStale(true)
    watched.own.check()
    await watched.own[Symbol.asyncDispose]()

    expect(watched.asked).toHaveLength(1)
    expect(watched.corrected).toEqual([])
    expect(watched.process.fatal).toEqual([])
  })

  it('ends the process when a listener throws', async () => {
    const defect = new Error('a defect')
    await using watched = new Watched(
      {},
      {
        corrected: () => {
          throw defect
        },
      },
    )
    watched.answers.set('10.1.0.2:80', 'ECONNREFUSED')
    watched.own.setStale(true)

    await expect.poll(() => watched.process.fatal).toEqual([defect])
  })

  it('does all this with real sockets and a runtime that speaks CRI', async () => {
    await using cri = await FakeCri.start()
    await using server = await startTcpEndpoint(
      (socket) => void socket.resume().on('end', () => socket.end()),
    )
    const { port } = server.endpoint
    cri.setSandboxes({ id: 'a', name: 'web-0', ips: ['127.0.0.1'] })
    const { logger, metrics, onFatal } = new FakeComponentDeps()
    const corrected: Corrections[] = []
    const endpoint: OwnEndpoint = { ...WEB, ip: '127.0.0.77', port }
    await using own = new OwnEndpoints(
      { ...DEFAULT_OWN_ENDPOINTS_OPTIONS, checkIntervalMs: 1, criSocket: socketOf(cri) },
      {
        logger,
        metrics,
        onFatal,
        endpoints: () => [endpoint],
        corrected: (corrections) => corrected.push(corrections),
      },
    )
    own.setStale(true)
    await expect.poll(() => own.corrections.presentIp('127.0.0.77')).toBe('127.0.0.1')
    await server[Symbol.asyncDispose]()
    await expect.poll(() => own.corrections.isDead(endpoint)).toBe(true)

    expect(corrected).toHaveLength(2)
  })
})

function socketOf({ socketPath }: FakeCri): `/${string}` {
  return `/${socketPath.slice(1)}`
}
