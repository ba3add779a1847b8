import { type Endpoint, formatServicePortName, type NodeName } from '@edgeway/core'
import { endpointsOf, FakeEndpointHealth, FakeServiceDirectory, nodeOf, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeListenerDirectory } from '../../test/fake-listener-directory.ts'
import { DesiredRules } from './desired-rules.ts'

const WEB = formatServicePortName('shop', 'web', 'http')
const OTHER = formatServicePortName('shop', 'other', 'http')
const LISTENER = { ip: '169.254.96.16', port: 15_001 }
const [A, B, FAR] = endpointsOf('edge-1/10.1.0.1:80', 'edge-1/10.1.0.2:80', 'edge-3/10.1.0.1:80') as [
  Endpoint,
  Endpoint,
  Endpoint,
]
const ROUTED = endpointsOf('edge-2/10.2.0.1:80')

describe('DesiredRules of endpoints that fail', () => {
  let services: FakeServiceDirectory
  let listeners: FakeListenerDirectory
  let health: FakeEndpointHealth
  let desired: DesiredRules

  beforeEach(() => {
    services = new FakeServiceDirectory()
    listeners = new FakeListenerDirectory()
    health = new FakeEndpointHealth()
    for (const name of [WEB, OTHER]) listeners.set(name, LISTENER)
    const nodes = ['edge-1', 'edge-2'].map((name) => nodeOf(name, { routedNetwork: 'lan' }))
    const viewpoint = {
      nodeName: 'edge-1' as NodeName,
      nodes: { node: (wanted: NodeName) => nodes.find(({ name }) => name === wanted) },
    }
    desired = new DesiredRules(
      { services, listeners, nodeListeners: new FakeListenerDirectory(), health, viewpoint },
      {
        nodePorts: false,
        maxSlots: { random: 16, 'client-ip': 16, 'source-ip-hash': 16 },
        masqueradeLocal: new Set(),
        maxKernelRules: 10,
      },
    )
  })

  function serve(endpoints: readonly Endpoint[], annotations: Readonly<Record<string, string>> = {}): void {
    services.set({ ...serviceOf('shop/web:http', '10.96.0.1', 80), annotations }, endpoints)
    desired.refresh([WEB])
  }

  /** Addresses and weights of the slots in the kernel, else the mode. */
  function rule(): readonly string[] | string | undefined {
    const [only] = desired
    if (only?.mode !== 'KERNEL') return only?.mode
    return only.slots.map(({ ip, weight }) => `${ip} ${weight}`)
  }

  function set(endpoint: Endpoint, state: Parameters<FakeEndpointHealth['set']>[2]): void {
    health.set(WEB, endpoint, state)
    desired.refresh([WEB])
  }

  it('leave the slots one by one, and come back', () => {
    serve([A, B])

    set(A, 'unhealthy')
    expect(rule()).toEqual(['10.1.0.2 1'])
    set(A, 'recovering')
    expect(rule()).toEqual(['10.1.0.1 1', '10.1.0.2 1'])
  })

  it('give way to the agent when none is left near, until one is healthy again', () => {
    serve([A, B, FAR])
    set(A, 'unhealthy')
    set(B, 'unhealthy')
    expect(rule()).toBe('AGENT')

    set(A, 'recovering')
    expect(rule()).toBe('AGENT')
    set(A, 'healthy')
    expect(rule()).toEqual(['10.1.0.1 1'])
  })

  it('give way to those of a node on the same routed network', () => {
    serve([A, ...ROUTED])

    set(A, 'unhealthy')
    expect(rule()).toEqual(['10.2.0.1 1'])
  })

  it('go through the agent when all fail, which tries one after the other', () => {
    serve([A, B])
    set(A, 'unhealthy')
    set(B, 'unhealthy')

    expect(rule()).toBe('AGENT')
  })

  it('keep their place in other Services', () => {
    services.set(serviceOf('shop/other:http', '10.96.0.2', 80), [A, B])
    serve([A, B])
    desired.refresh([OTHER])
    health.set(WEB, A, 'unhealthy')

    expect(desired.refresh([WEB, OTHER])).toMatchObject([{ current: { match: { ip: '10.96.0.1' } } }])
  })

  it('are told as a change of the one ServicePort, and only when something changes', () => {
    serve([A, B])
    health.set(WEB, A, 'unhealthy')
    expect(desired.refresh([WEB])).toMatchObject([
      { previous: { slots: [{}, {}] }, current: { slots: [{ ip: B.ip }] } },
    ])

    health.set(WEB, FAR, 'unhealthy')
    expect(desired.refresh([WEB])).toEqual([])
  })

  it('take their weights with them', () => {
    serve([A, ...ROUTED, B], { 'edgeway.io/topology': 'any', 'edgeway.io/weights': 'edge-1=5' })
    expect(rule()).toEqual(['10.1.0.1 5', '10.2.0.1 1', '10.1.0.2 5'])

    set(A, 'unhealthy')
    expect(rule()).toEqual(['10.2.0.1 1', '10.1.0.2 5'])
  })
})
