import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../model/endpoint.ts'
import type { NodeName } from '../model/node.ts'
import { formatServicePortName, type ServicePort } from '../model/service.ts'
import { servicePortMode } from './service-port-mode.ts'

const web: ServicePort = {
  name: formatServicePortName('shop', 'web', 'http'),
  protocol: 'TCP',
  port: 80,
  clusterIps: ['10.96.0.1'],
  externalIps: [],
  nodePort: undefined,
  appProtocol: undefined,
  proxied: true,
}
const endpoint: Endpoint = {
  node: 'edge-1' as NodeName,
  ip: '10.1.0.1',
  port: 80,
  protocol: 'TCP',
  ready: true,
  serving: true,
  terminating: false,
  zone: undefined,
  forZones: [],
  hostname: undefined,
  pod: undefined,
}

describe('servicePortMode', () => {
  const ready = [endpoint]
  const notReady = [{ ...endpoint, ready: false }]

  it('forwards a ServicePort with a ready endpoint', () => {
    expect(servicePortMode(web, [...notReady, ...ready])).toBe('AGENT')
  })

  it('refuses a ServicePort without a ready endpoint', () => {
    expect(servicePortMode(web, [])).toBe('REJECT')
    expect(servicePortMode(web, notReady)).toBe('REJECT')
  })

  it('leaves headless Services, UDP, the API server and the Services of other proxies alone', () => {
    expect(servicePortMode({ ...web, clusterIps: [] }, ready)).toBeUndefined()
    expect(servicePortMode({ ...web, protocol: 'UDP' }, ready)).toBeUndefined()
    expect(servicePortMode({ ...web, proxied: false }, ready)).toBeUndefined()
    expect(
      servicePortMode({ ...web, name: formatServicePortName('default', 'kubernetes', 'https') }, ready),
    ).toBeUndefined()
  })
})
