import { endpointsOf, serviceOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import type { ServicePort } from '../model/service.ts'
import { servicePortMode } from './service-port-mode.ts'

function portOf(text: string): ServicePort {
  const [port] = serviceOf(text, '10.96.0.1', 80).ports
  if (port === undefined) throw new Error('serviceOf makes one port')
  return port
}

describe('servicePortMode', () => {
  const web = portOf('shop/web:http')
  const ready = endpointsOf('edge-1/10.1.0.1:80')
  const notReady = ready.map((endpoint) => ({ ...endpoint, ready: false }))

  it('forwards a ServicePort with a ready endpoint', () => {
    expect(servicePortMode(web, [...notReady, ...ready])).toBe('AGENT')
  })

  it('refuses a ServicePort without a ready endpoint', () => {
    expect(servicePortMode(web, [])).toBe('REJECT')
    expect(servicePortMode(web, notReady)).toBe('REJECT')
  })

  it('leaves headless Services, UDP and the API server alone', () => {
    expect(servicePortMode({ ...web, clusterIps: [] }, ready)).toBeUndefined()
    expect(servicePortMode({ ...web, protocol: 'UDP' }, ready)).toBeUndefined()
    expect(servicePortMode(portOf('default/kubernetes:https'), ready)).toBeUndefined()
  })
})
