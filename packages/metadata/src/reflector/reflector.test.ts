import { FakeComponentDeps } from '@edgeway/testbed'
import { describe, expect, it, vi } from 'vitest'
import { SourceError } from '../errors.ts'
import type { Transport } from '../kubernetes/transport.ts'
import { metadataMetrics } from '../metrics.ts'
import { SourceHealth } from '../source/source-health.ts'
import { Reflector } from './reflector.ts'

const OPTIONS = {
  listTimeoutMs: 20_000,
  watchTimeoutSeconds: 270,
  relistIntervalMs: 450_000,
  minRetryDelayMs: 1,
  maxRetryDelayMs: 1,
}

/** Lists are empty, watches stay open without a word; keeps the paths that were asked for. */
class SilentTransport implements Transport {
  readonly url = 'http://silent'
  readonly paths: URL[] = []

  async get(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const url = new URL(path, this.url)
    this.paths.push(url)
    return url.searchParams.has('watch') ? untilAborted(signal) : emptyList()
  }

  get watches(): URL[] {
    return this.paths.filter(({ searchParams }) => searchParams.has('watch'))
  }
}

async function* emptyList(): AsyncGenerator<Buffer> {
  yield Buffer.from('{"metadata":{"resourceVersion":"7"},"items":[]}')
}

async function* untilAborted(signal: AbortSignal): AsyncGenerator<Buffer> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  throw new SourceError(String(signal.reason))
}

/** Timeouts that expire when the test says so. */
class TestTimeouts {
  readonly #pending = new Map<AbortController, number>()

  readonly timeout = (ms: number): AbortSignal => {
    const controller = new AbortController()
    this.#pending.set(controller, ms)
    return controller.signal
  }

  get longestMs(): number {
    return Math.max(0, ...this.#pending.values())
  }

  expireAll(): void {
    for (const controller of this.#pending.keys()) controller.abort(new Error('timeout'))
    this.#pending.clear()
  }
}

function run(transport: Transport, timeouts: TestTimeouts): AsyncDisposable {
  const deps = new FakeComponentDeps()
  const stop = new AbortController()
  const kind = { name: 'services', path: '/services', map: () => undefined }
  const reflector = new Reflector(kind, OPTIONS, {
    source: {
      config: { kind: 'metaserver', url: transport.url },
      transport,
      pageSize: undefined,
      hasBookmarks: false,
      isHarmedByWatches: true,
    },
    health: new SourceHealth(() => 0),
    onChanges: () => undefined,
    onListed: () => undefined,
    probe: { ask: async () => undefined },
    onUnreliable: () => undefined,
    logger: deps.logger,
    metrics: metadataMetrics(deps.metrics),
    timeout: timeouts.timeout,
    stop: stop.signal,
  })
  const running = reflector.run()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

describe('a watch', () => {
  it('asks for the events since the list, for a time that varies by a fifth', async () => {
    const transport = new SilentTransport()
    await using _ = run(transport, new TestTimeouts())
    await vi.waitFor(() => expect(transport.watches).toHaveLength(1))

    const [watch] = transport.watches
    const { timeoutSeconds, ...query } = Object.fromEntries(watch?.searchParams ?? [])
    expect(query).toEqual({ watch: '1', resourceVersion: '7' })
    expect(Math.abs(Number(timeoutSeconds) - 270)).toBeLessThanOrEqual(54)
  })

  it('that is silent is not trusted longer than it was to last and 30 s, and followed by a list', async () => {
    const transport = new SilentTransport()
    const timeouts = new TestTimeouts()
    await using _ = run(transport, timeouts)
    await vi.waitFor(() => expect(transport.watches).toHaveLength(1))

    const seconds = Number(transport.watches[0]?.searchParams.get('timeoutSeconds'))
    expect(timeouts.longestMs).toBe((seconds + 30) * 1_000)
    timeouts.expireAll()
    await vi.waitFor(() => expect(transport.watches).toHaveLength(2))
    expect(transport.paths).toHaveLength(4)
  })
})

describe('a list from the own store of the node', () => {
  it.each([
    ['because the cloud is away says nothing against the kind', 'local', 0],
    ['although the cloud answers means that the kind is not to be had', 'authoritative', 1],
  ] as const)('%s', async (_why, state, unreliable) => {
    const health = new SourceHealth(() => 0)
    health.report('authoritative')
    let told = 0
    const asked = Promise.withResolvers<void>()
    const deps = new FakeComponentDeps()
    const stop = new AbortController()
    const reflector = new Reflector({ name: 'slices', path: '/slices', map: () => undefined }, OPTIONS, {
      source: {
        config: { kind: 'metaserver', url: 'http://node' },
        transport: { url: 'http://node', get: async () => localList() },
        pageSize: undefined,
        hasBookmarks: false,
        isHarmedByWatches: true,
      },
      health,
      probe: {
        ask: async () => {
          health.report(state)
          asked.resolve()
        },
      },
      onChanges: () => undefined,
      onListed: () => undefined,
      onUnreliable: () => {
        told += 1
        stop.abort()
      },
      logger: deps.logger,
      metrics: metadataMetrics(deps.metrics),
      timeout: () => new AbortController().signal,
      stop: stop.signal,
    })
    const running = reflector.run()
    await asked.promise
    stop.abort()
    await running
    expect(told).toBe(unreliable)
  })
})

async function* localList(): AsyncGenerator<Buffer> {
  yield Buffer.from('{"metadata":{"resourceVersion":"7","selfLink":"/core/v1/slices/null/null"},"items":[]}')
}
