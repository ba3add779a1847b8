import type { ServicePort } from '@edgeway/core'
import { serviceOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { AddressIndex } from './address-index.ts'

function portOf(name: string, addresses: Pick<ServicePort, 'clusterIps' | 'externalIps'>): ServicePort {
  const [port] = serviceOf(name, '10.96.0.1', 80).ports
  if (port === undefined) throw new Error('no port')
  return { ...port, ...addresses }
}

describe('AddressIndex', () => {
  const web = portOf('shop/web', { clusterIps: ['10.96.0.1'], externalIps: ['192.0.2.1'] })
  const thief = portOf('evil/web', { clusterIps: ['10.96.0.2'], externalIps: ['10.96.0.1', '192.0.2.1'] })

  it.each([
    ['first', [thief, web]],
    ['last', [web, thief]],
  ])('leaves a ClusterIP to its Service when one that lists it as an external IP comes %s', (_, ports) => {
    const index = new AddressIndex()
    for (const port of ports) index.add(port)
    expect(index.get('10.96.0.1', 80, 'TCP')).toBe(web)
    expect(index.get('192.0.2.1', 80, 'TCP')).toBe(ports[1])

    index.remove(web)
    expect(index.get('10.96.0.1', 80, 'TCP')).toBe(thief)
  })

  it('gives no address to a headless Service, which serves none', () => {
    const index = new AddressIndex()
    index.add(web)
    const headless = portOf('shop/db', { clusterIps: [], externalIps: ['192.0.2.1'] })
    index.add({ ...headless, nodePort: 30_080 })
    expect(index.get('192.0.2.1', 80, 'TCP')).toBe(web)
    expect(index.getNodePort(30_080, 'TCP')).toBeUndefined()

    index.remove(headless)
    expect(index.get('192.0.2.1', 80, 'TCP')).toBe(web)
  })
})
