import { formatServicePortName, type NodeName, type Service } from '@edgeway/core'
import { endpointsOf, FakeEndpointHealth, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeListenerDirectory } from '../../test/fake-listener-directory.ts'
import { DesiredRules, type DesiredRulesLimits } from './desired-rules.ts'
import { formatMatch } from './rule.ts'

const WEB = formatServicePortName('shop', 'web', '')
const API = formatServicePortName('shop', 'api', '')
const LISTENER = { ip: '169.254.96.16', port: 15_001 }
const LIMITS: DesiredRulesLimits = {
  nodePorts: false,
  maxSlots: { random: 16, 'client-ip': 16, 'source-ip-hash': 16 },
  masqueradeLocal: new Set(),
  maxKernelRules: 10,
}
const LOCAL = endpointsOf('edge-1/10.1.0.1:80')

describe('DesiredRules', () => {
  let services: FakeServiceDirectory
  let listeners: FakeListenerDirectory
  let nodeListeners: FakeListenerDirectory
  let health: FakeEndpointHealth
  let desired: DesiredRules

  beforeEach(() => {
    services = new FakeServiceDirectory()
    listeners = new FakeListenerDirectory()
    health = new FakeEndpointHealth()
    for (const name of [WEB, API]) listeners.set(name, LISTENER)
    const viewpoint = { nodeName: 'edge-1' as NodeName, nodes: { node: () => undefined } }
    nodeListeners = new FakeListenerDirectory()
    desired = new DesiredRules({ services, listeners, nodeListeners, health, viewpoint }, LIMITS)
  })

  function web(clusterIp = '10.96.0.1'): Service {
    return serviceOf('shop/web', clusterIp, 80)
  }

  function withExternalIp(service: Service, ip: string): Service {
    return { ...service, ports: service.ports.map((port) => ({ ...port, externalIps: [ip] })) }
  }

  function now(): readonly string[] {
    return [...desired].map(({ match, mode }) => `${formatMatch(match)} ${mode}`).toSorted()
  }

  it('tells what comes, changes and goes', () => {
    services.set(web(), LOCAL)
    expect(desired.refresh([WEB])).toMatchObject([{ previous: undefined, current: { mode: 'KERNEL' } }])

    services.setEndpoints(WEB, [])
    expect(desired.refresh([WEB])).toMatchObject([
      { previous: { mode: 'KERNEL' }, current: { mode: 'REJECT' } },
    ])

    services.delete('shop', 'web')
    expect(desired.refresh([WEB])).toMatchObject([{ previous: { mode: 'REJECT' }, current: undefined }])
    expect(now()).toEqual([])
  })

  it('follows when the node begins to answer a ServicePort, when the Service moves, and when the node ends it', () => {
    services.set(web(), [])
    desired.refresh([WEB])

    nodeListeners.set(WEB, LISTENER)
    expect(desired.refresh([WEB])).toMatchObject([
      { previous: { mode: 'REJECT' }, current: { mode: 'NODE', listener: LISTENER } },
    ])
    services.set(web('10.96.0.9'), LOCAL)
    expect(desired.refresh([WEB])).toMatchObject([
      { previous: { mode: 'NODE', match: { ip: '10.96.0.1' } }, current: undefined },
      { previous: undefined, current: { mode: 'NODE', match: { ip: '10.96.0.9' } } },
    ])
    nodeListeners.delete(WEB)
    expect(desired.refresh([WEB])).toMatchObject([
      { previous: { mode: 'NODE' }, current: { mode: 'KERNEL' } },
    ])
  })

  it('tells nothing of what stayed as it was', () => {
    services.set(web(), LOCAL)
    desired.refreshAll()

    services.set(web(), [...LOCAL])
    expect(desired.refresh([WEB])).toEqual([])
    expect(desired.refreshAll()).toEqual([])
  })

  it('moves a ServicePort to its new address', () => {
    services.set(web(), LOCAL)
    desired.refreshAll()

    services.set(web('10.96.0.9'), LOCAL)
    desired.refresh([WEB])

    expect(now()).toEqual(['10.96.0.9:80/TCP KERNEL'])
  })

  it('gives an address to the Service that waits for it when its owner goes', () => {
    services.set(serviceOf('shop/api', '10.96.0.1', 80), [])
    services.set(web(), LOCAL)
    desired.refreshAll()
    expect(now()).toEqual(['10.96.0.1:80/TCP KERNEL'])

    services.delete('shop', 'web')
    expect(desired.refresh([WEB])).toMatchObject([
      { previous: { mode: 'KERNEL' }, current: { mode: 'REJECT' } },
    ])
  })

  it('takes an address from the Service that no longer owns it', () => {
    services.set(serviceOf('shop/api', '10.96.0.1', 80), [])
    desired.refreshAll()
    services.set(web(), LOCAL)
    expect(desired.refresh([WEB])).toMatchObject([
      { previous: { mode: 'REJECT' }, current: { mode: 'KERNEL' } },
    ])

    // Its former owner has nothing left to withdraw.
    services.delete('shop', 'api')
    expect(desired.refresh([API])).toEqual([])
    expect(now()).toEqual(['10.96.0.1:80/TCP KERNEL'])
  })

  it('takes the agent for ServicePorts beyond the number that the kernel may carry', () => {
    desired.refreshAll({ ...LIMITS, maxKernelRules: 1 })
    services.set(web(), LOCAL)
    services.set(serviceOf('shop/api', '10.96.0.2', 80), LOCAL)
    desired.refresh([WEB, API])
    expect(now()).toEqual(['10.96.0.1:80/TCP KERNEL', '10.96.0.2:80/TCP AGENT'])

    desired.refresh([WEB])
    expect(now()).toEqual(['10.96.0.1:80/TCP KERNEL', '10.96.0.2:80/TCP AGENT'])

    services.delete('shop', 'web')
    expect(desired.refresh([WEB])).toHaveLength(2)
    expect(now()).toEqual(['10.96.0.2:80/TCP KERNEL'])
  })

  it('leaves the kernel to those that it carries, whichever changes first', () => {
    desired.refreshAll({ ...LIMITS, maxKernelRules: 1 })
    services.set(web(), LOCAL)
    services.set(serviceOf('shop/api', '10.96.0.2', 80), LOCAL)
    desired.refresh([WEB, API])

    expect(desired.refresh([API, WEB])).toEqual([])
  })

  it('does not give the kernel a ServicePort for which there is too little room', () => {
    desired.refreshAll({ ...LIMITS, maxKernelRules: 2 })
    services.set(web(), LOCAL)
    services.set(withExternalIp(serviceOf('shop/api', '10.96.0.2', 80), '192.0.2.1'), LOCAL)
    desired.refresh([WEB, API])

    expect(desired.refresh([WEB])).toEqual([])
    expect(now()).toEqual(['10.96.0.1:80/TCP KERNEL', '10.96.0.2:80/TCP AGENT', '192.0.2.1:80/TCP AGENT'])
  })

  it('counts an external IP that is also a ClusterIP once, however often it changes', () => {
    desired.refreshAll({ ...LIMITS, maxKernelRules: 1 })
    services.set(withExternalIp(web(), '10.96.0.1'), LOCAL)
    for (let times = 0; times < 3; times++) desired.refresh([WEB])
    expect(now()).toEqual(['10.96.0.1:80/TCP KERNEL'])
  })

  it('has the same rules when it makes them without telling of changes', () => {
    services.set(web(), LOCAL)
    services.set(serviceOf('shop/api', '10.96.0.2', 80), LOCAL)
    desired.refreshAll({ ...LIMITS, maxKernelRules: 1 })
    const before = now()

    services.delete('shop', 'web')
    services.set(web(), LOCAL)
    desired.rebuild({ ...LIMITS, maxKernelRules: 1 })

    expect(now()).toEqual(
      before.map((line) => line.replace('KERNEL', '?').replace('AGENT', 'KERNEL').replace('?', 'AGENT')),
    )
    expect(desired.refreshAll()).toEqual([])
  })

  it('goes by new limits when everything is made anew', () => {
    services.set(web(), LOCAL)
    desired.refreshAll()

    const none = { random: 0, 'client-ip': 0, 'source-ip-hash': 0 }
    expect(desired.refreshAll({ ...LIMITS, maxSlots: none })).toMatchObject([{ current: { mode: 'AGENT' } }])
  })
})
