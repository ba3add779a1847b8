import { formatServicePortName, type Service } from '@edgeway/core'
import { endpointsOf, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeListenerDirectory } from '../test/fake-listener-directory.ts'
import { rulesOf } from './rules.ts'

const WEB = formatServicePortName('shop', 'web', 'http')
const LISTENER = { ip: '169.254.96.16', port: 15_001 }

describe('rulesOf', () => {
  let services: FakeServiceDirectory
  let listeners: FakeListenerDirectory

  beforeEach(() => {
    services = new FakeServiceDirectory()
    listeners = new FakeListenerDirectory()
  })

  function withClusterIps(service: Service, ...clusterIps: readonly string[]): Service {
    return { ...service, clusterIps, ports: service.ports.map((port) => ({ ...port, clusterIps })) }
  }

  it('hands a ServicePort with ready endpoints to its listener', () => {
    services.set(serviceOf('shop/web:http', '10.96.0.1', 80), endpointsOf('10.1.0.1:8080'))
    listeners.set(WEB, LISTENER)

    expect(rulesOf({ services, listeners })).toEqual([
      { mode: 'AGENT', ip: '10.96.0.1', protocol: 'TCP', port: 80, listener: LISTENER },
    ])
  })

  it('leaves a ServicePort alone while nobody listens for it', () => {
    services.set(serviceOf('shop/web:http', '10.96.0.1', 80), endpointsOf('10.1.0.1:8080'))

    expect(rulesOf({ services, listeners })).toEqual([])
  })

  it('refuses a ServicePort without ready endpoints, listener or not', () => {
    const [endpoint] = endpointsOf('10.1.0.1:8080')
    services.set(serviceOf('shop/web:http', '10.96.0.1', 80), endpoint && [{ ...endpoint, ready: false }])
    services.set(serviceOf('shop/db', '10.96.0.2', 5_432))
    listeners.set(WEB, LISTENER)

    expect(rulesOf({ services, listeners })).toEqual([
      { mode: 'REJECT', ip: '10.96.0.1', protocol: 'TCP', port: 80 },
      { mode: 'REJECT', ip: '10.96.0.2', protocol: 'TCP', port: 5_432 },
    ])
  })

  it('leaves headless Services and the API server alone', () => {
    services.set(withClusterIps(serviceOf('shop/headless', '', 80)))
    services.set(serviceOf('default/kubernetes:https', '10.96.0.1', 443))

    expect(rulesOf({ services, listeners })).toEqual([])
  })

  it('redirects only the ClusterIPs of the address family of the listener', () => {
    const web = serviceOf('shop/web:http', '', 80)
    services.set(withClusterIps(web, '10.96.0.1', 'fd00:96::1'), endpointsOf('10.1.0.1:8080'))

    listeners.set(WEB, LISTENER)
    expect(rulesOf({ services, listeners }).map(({ ip }) => ip)).toEqual(['10.96.0.1'])

    listeners.set(WEB, { ip: 'fd00:e::16', port: 15_001 })
    expect(rulesOf({ services, listeners }).map(({ ip }) => ip)).toEqual(['fd00:96::1'])
  })

  it('refuses at ClusterIPs of both families', () => {
    services.set(withClusterIps(serviceOf('shop/web:http', '', 80), '10.96.0.1', 'fd00:96::1'))

    expect(rulesOf({ services, listeners }).map(({ ip }) => ip)).toEqual(['10.96.0.1', 'fd00:96::1'])
  })

  it('has one rule for a ClusterIP that two Services list: for the one that the directory names', () => {
    services.set(serviceOf('shop/web:http', '10.96.0.1', 80), endpointsOf('10.1.0.1:8080'))
    services.set(serviceOf('shop/a-latecomer', '10.96.0.1', 80))
    listeners.set(WEB, LISTENER)

    expect(rulesOf({ services, listeners })).toMatchObject([{ mode: 'AGENT', ip: '10.96.0.1' }])
  })
})
