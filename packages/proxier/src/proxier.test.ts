import { formatServicePortName, type NodeName } from '@edgeway/core'
import {
  endpointsOf,
  FakeComponentDeps,
  FakeEndpointHealth,
  FakeNodeDirectory,
  FakeServiceDirectory,
  nodeOf,
  serviceOf,
} from '@edgeway/testbed'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeListenerDirectory } from '../test/fake-listener-directory.ts'
import { FakeRuleBackend } from '../test/fake-rule-backend.ts'
import type { DesiredRulesLimits } from './model/desired-rules.ts'
import { DEFAULT_PROXIER_OPTIONS, Proxier, type ProxierOptions } from './proxier.ts'

const WEB = formatServicePortName('shop', 'web', 'http')
const LISTENER = { ip: '169.254.96.16', port: 15_001 }
const LIMITS: DesiredRulesLimits = {
  nodePorts: false,
  maxSlots: { random: 16, 'client-ip': 16, 'source-ip-hash': 16 },
  masqueradeLocal: new Set(),
  maxKernelRules: 100,
}
const CAPABILITIES = { ...LIMITS, failOpen: false }
const OPTIONS = {
  ...DEFAULT_PROXIER_OPTIONS,
  syncDelayMs: 1,
  maxSyncDelayMs: 10,
  resyncIntervalMs: 60_000,
  maxRetryDelayMs: 1,
  groupId: 4_242,
  deviceName: 'edgeway0',
}

describe('Proxier', () => {
  let deps: FakeComponentDeps
  let services: FakeServiceDirectory
  let listeners: FakeListenerDirectory
  let nodeListeners: FakeListenerDirectory
  let health: FakeEndpointHealth
  let nodes: FakeNodeDirectory
  let backend: FakeRuleBackend
  let limits: DesiredRulesLimits
  /** What was swept of stale flows, in order. */
  let swept: string[]

  beforeEach(() => {
    deps = new FakeComponentDeps()
    services = new FakeServiceDirectory()
    listeners = new FakeListenerDirectory()
    nodeListeners = new FakeListenerDirectory()
    health = new FakeEndpointHealth()
    nodes = new FakeNodeDirectory()
    backend = new FakeRuleBackend()
    limits = LIMITS
    swept = []
  })

  function start(options: Partial<ProxierOptions> = {}): Promise<Proxier> {
    let seen = limits
    return Proxier.start(
      { ...OPTIONS, ...options },
      {
        ...deps,
        services,
        listeners,
        nodeListeners,
        health,
        nodes,
        nodeName: 'edge-1' as NodeName,
        backend: { backend, capabilities: CAPABILITIES, removeOthers: async () => {} },
        conditions: {
          refresh: async () => {
            const isOther = seen !== limits
            seen = limits
            return isOther
          },
          limits: () => seen,
          status: () => ({}),
        },
        staleFlows: {
          sweep: async (changes) => swept.push(`${changes.length} changes`),
          sweepAll: async () => swept.push('all'),
        },
      },
    )
  }

  function addWeb(...endpoints: readonly string[]): void {
    const listed = endpointsOf(...(endpoints.length === 0 ? ['edge-2/10.1.0.1:8080'] : endpoints))
    services.set(serviceOf('shop/web:http', '10.96.0.1', 80), listed)
  }

  it('starts before the directory is loaded, and touches no rules until then', async () => {
    services = new FakeServiceDirectory({ loaded: false })
    await using _proxier = await start()
    addWeb()
    listeners.set(WEB, LISTENER)
    expect(backend.calls).toEqual([])
    expect(deps.readiness.shut).toEqual(['rules'])

    services.load()

    await vi.waitFor(() => expect(deps.readiness.shut).toEqual([]))
    expect(backend.calls).toEqual(['apply'])
    expect(backend.rules).toMatchObject([{ mode: 'AGENT', match: { ip: '10.96.0.1' } }])
  })

  it('follows the Services and the listeners', async () => {
    await using _proxier = await start()
    addWeb()
    await vi.waitFor(() => expect(backend.rules).toEqual([]))

    listeners.set(WEB, LISTENER)
    await vi.waitFor(() => expect(backend.rules).toMatchObject([{ mode: 'AGENT', listener: LISTENER }]))

    services.setEndpoints(WEB, [])
    await vi.waitFor(() => expect(backend.rules).toMatchObject([{ mode: 'REJECT' }]))

    services.delete('shop', 'web')
    await vi.waitFor(() => expect(backend.rules).toEqual([]))
  })

  it('follows the health of endpoints', async () => {
    const near = { node: 'edge-1' as NodeName, ip: '10.1.0.1', port: 8080, protocol: 'TCP' } as const
    addWeb('edge-1/10.1.0.1:8080', 'edge-2/10.1.0.1:8080')
    listeners.set(WEB, LISTENER)
    await using _proxier = await start()
    await vi.waitFor(() => expect(backend.rules).toMatchObject([{ mode: 'KERNEL' }]))

    health.set(WEB, near, 'unhealthy')
    await vi.waitFor(() => expect(backend.rules).toMatchObject([{ mode: 'AGENT' }]))

    health.set(WEB, near, 'healthy')
    await vi.waitFor(() => expect(backend.rules).toMatchObject([{ mode: 'KERNEL' }]))
  })

  it('syncs once for a burst of changes', async () => {
    await using _proxier = await start()
    await vi.waitFor(() => expect(backend.calls).toEqual(['apply']))

    for (let i = 0; i < 100; i++) services.set(serviceOf(`shop/s${i}`, `10.96.1.${i}`, 80))

    await vi.waitFor(() => expect(backend.rules).toHaveLength(100))
    expect(backend.calls).toEqual(['apply', 'update'])
  })

  it('loads all rules once, then tells the backend only of what changed', async () => {
    for (let i = 0; i < 100; i++) services.set(serviceOf(`shop/s${i}`, `10.96.1.${i}`, 80))
    await using _proxier = await start()
    await vi.waitFor(() => expect(backend.rules).toHaveLength(100))

    services.set(serviceOf('shop/s7', '10.96.2.7', 80))

    await vi.waitFor(() => expect(backend.calls).toEqual(['apply', 'update']))
    expect(swept).toEqual(['all', '2 changes'])
    expect(backend.rules).toHaveLength(100)
  })

  it('makes all rules anew when a Node joins or leaves a network, not when only its status changed', async () => {
    addWeb()
    listeners.set(WEB, LISTENER)
    await using _proxier = await start()
    await vi.waitFor(() => expect(backend.rules).toMatchObject([{ mode: 'AGENT' }]))

    for (const name of ['edge-1', 'edge-2']) nodes.set(nodeOf(name, { routedNetwork: 'lan' }))
    await vi.waitFor(() => expect(backend.rules).toMatchObject([{ mode: 'KERNEL' }]))

    const before = backend.calls.length
    nodes.set(nodeOf('edge-2', { routedNetwork: 'lan' }))
    services.set(serviceOf('shop/db', '10.96.0.2', 5_432))
    await vi.waitFor(() => expect(backend.rules).toHaveLength(2))
    expect(backend.calls.slice(before)).toEqual(['update'])
  })

  it('goes by what the node allows, also when that changes', async () => {
    addWeb('edge-1/10.1.0.1:8080')
    listeners.set(WEB, LISTENER)
    await using _proxier = await start({ resyncIntervalMs: 5 })
    await vi.waitFor(() => expect(backend.rules).toMatchObject([{ mode: 'KERNEL' }]))

    limits = { ...LIMITS, maxKernelRules: 0 }

    await vi.waitFor(() => expect(backend.rules).toMatchObject([{ mode: 'AGENT' }]))
  })

  it('tells once of an annotation that it does not understand', async () => {
    const service = serviceOf('shop/web:http', '10.96.0.1', 80)
    await using _proxier = await start()
    for (let i = 0; i < 3; i++)
      services.set(
        { ...service, annotations: { 'edgeway.io/balancing': 'best' } },
        endpointsOf('10.1.0.1:80'),
      )

    const told = deps.logger.lines.filter(({ level }) => level === 'warn')
    expect(told).toHaveLength(1)
    expect(told[0]?.fields).toMatchObject({
      service: 'shop/web',
      problems: [expect.stringMatching(/^edgeway\.io\/balancing: expected random or .+, found "best"$/)],
    })
  })

  it('syncs again for a change that came during a sync', async () => {
    const held = Promise.withResolvers<void>()
    await using _proxier = await start()
    await vi.waitFor(() => expect(backend.calls).toEqual(['apply']))
    backend.hold = held.promise
    services.set(serviceOf('shop/first', '10.96.1.1', 80))
    await vi.waitFor(() => expect(backend.begun).toBe(2))

    services.set(serviceOf('shop/second', '10.96.1.2', 80))
    held.resolve()

    await vi.waitFor(() => expect(backend.rules).toHaveLength(2))
  })

  it('is not ready while it fails, retries, and is ready again', async () => {
    listeners.set(WEB, LISTENER)
    await using _proxier = await start({ maxRetryDelayMs: 50 })
    await vi.waitFor(() => expect(deps.readiness.shut).toEqual([]))
    backend.failures.push(new Error('nft is busy'), new Error('nft is busy'))

    addWeb()
    await vi.waitFor(() => expect(deps.readiness.shut).toEqual(['rules']))
    await vi.waitFor(() => expect(deps.readiness.shut).toEqual([]))

    expect(backend.calls).toEqual(['apply', 'update failed', 'apply failed', 'apply'])
    expect(deps.metrics.value('edgeway_proxier_syncs_total', { outcome: 'failed' })).toBe(2)
    expect(deps.logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(2)
    expect(deps.fatal).toEqual([])
  })

  it('loads the rules again when somebody changed them, and counts that', async () => {
    await using _proxier = await start({ resyncIntervalMs: 5 })
    await vi.waitFor(() => expect(backend.calls).toContain('verify'))
    expect(deps.metrics.value('edgeway_proxier_drifts_total')).toBe(0)

    backend.found = 'drifted'

    await vi.waitFor(() => expect(deps.metrics.value('edgeway_proxier_drifts_total')).toBe(1))
    await vi.waitFor(() =>
      expect(deps.metrics.value('edgeway_proxier_syncs_total', { outcome: 'loaded' })).toBe(2),
    )
    expect(deps.readiness.shut).toEqual([])
  })

  it('verifies though changes never cease', async () => {
    await using _proxier = await start({ resyncIntervalMs: 5 })
    const churn = setInterval(() => addWeb(), 1)
    try {
      await vi.waitFor(() => expect(backend.calls).toContain('verify'))
    } finally {
      clearInterval(churn)
    }
  })

  it('counts the rules by mode', async () => {
    addWeb()
    listeners.set(WEB, LISTENER)
    services.set(serviceOf('shop/db', '10.96.0.2', 5_432))
    services.set(serviceOf('shop/mail', '10.96.0.3', 25))
    await using _proxier = await start()

    await vi.waitFor(() => expect(deps.readiness.shut).toEqual([]))
    expect(deps.metrics.value('edgeway_proxier_rules', { mode: 'AGENT' })).toBe(1)
    expect(deps.metrics.value('edgeway_proxier_rules', { mode: 'REJECT' })).toBe(2)
  })

  it('removes the rules at its end, after the sync that is running', async () => {
    const held = Promise.withResolvers<void>()
    backend.hold = held.promise
    const proxier = await start()
    await vi.waitFor(() => expect(backend.begun).toBe(1))

    const stopped = Promise.all([proxier[Symbol.asyncDispose](), proxier[Symbol.asyncDispose]()])
    held.resolve()
    await stopped
    addWeb()

    expect(backend.calls).toEqual(['apply', 'cleanup'])
  })

  it('ends while the directory is not loaded yet', async () => {
    services = new FakeServiceDirectory({ loaded: false })
    const proxier = await start()

    await proxier[Symbol.asyncDispose]()

    expect(backend.calls).toEqual(['cleanup'])
    expect(deps.fatal).toEqual([])
  })

  it('ends without throwing when the rules cannot be removed, and says so', async () => {
    const proxier = await start()
    backend.cleanup = () => Promise.reject(new Error('nft is busy'))

    await proxier[Symbol.asyncDispose]()

    expect(deps.logger.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'rules could not be removed' }),
    )
  })
})
