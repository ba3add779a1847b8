import { describe, expect, it } from 'vitest'
import { readApiObject } from './kubernetes/api-object.ts'
import { mapService } from './service-mapper.ts'

function map(spec: unknown): ReturnType<typeof mapService> {
  return mapService(readApiObject({ metadata: { namespace: 'shop', name: 'web' }, spec }))
}

describe('mapService', () => {
  it('makes one ServicePort per port, at all ClusterIPs', () => {
    const spec = {
      clusterIP: '10.96.0.1',
      clusterIPs: ['10.96.0.1', 'FD00:0::0001'],
      ports: [
        { name: 'http', protocol: 'TCP', port: 80, targetPort: 'web' },
        { name: 'dns', protocol: 'UDP', port: 53 },
      ],
    }
    const clusterIps = ['10.96.0.1', 'fd00::1']
    expect(map(spec)).toEqual({
      namespace: 'shop',
      name: 'web',
      type: 'ClusterIP',
      clusterIps,
      ports: [
        { name: 'shop/web:http', protocol: 'TCP', port: 80, clusterIps },
        { name: 'shop/web:dns', protocol: 'UDP', port: 53, clusterIps },
      ],
    })
  })

  it('takes clusterIP where there are no clusterIPs, and TCP where there is no protocol', () => {
    expect(map({ clusterIP: '10.96.0.1', ports: [{ port: 80 }] }).ports).toEqual([
      { name: 'shop/web', protocol: 'TCP', port: 80, clusterIps: ['10.96.0.1'] },
    ])
  })

  it.each([
    ['a headless Service', { clusterIP: 'None', clusterIPs: ['None'] }],
    ['a Service that has no address yet', { clusterIP: '' }],
    ['an ExternalName Service', { type: 'ExternalName', clusterIP: '10.96.0.1' }],
  ])('gives %s no ClusterIP', (_, spec) => {
    expect(map(spec).clusterIps).toEqual([])
  })

  it('leaves out ports of protocols that the mesh does not carry', () => {
    const ports = [
      { name: 'sctp', protocol: 'SCTP', port: 1 },
      { name: 'tcp', protocol: 'TCP', port: 2 },
    ]
    expect(map({ ports }).ports.map(({ name }) => name)).toEqual(['shop/web:tcp'])
  })

  it('refuses one without a namespace', () => {
    const object = readApiObject({ metadata: { name: 'web' }, spec: {} })
    expect(() => mapService(object)).toThrow('metadata.namespace: expected')
  })

  it('repeats no more of a wrong value than a reader needs', () => {
    const refuse = (): unknown => map({ ports: 'x'.repeat(1_000_000) })
    expect(refuse).toThrow(/^spec\.ports: expected a list, found "x{79}…$/)
  })

  it.each([
    ['spec', undefined],
    ['spec.ports', { ports: 'none' }],
    ['spec.ports[0].port', { ports: [{ port: 70_000 }] }],
    ['spec.ports[0].name', { ports: [{ port: 80, name: 1 }] }],
    ['spec.ports', { ports: [{ port: 80 }, { port: 81 }] }],
    ['spec.clusterIPs', { clusterIPs: ['10.96.0.256'] }],
    ['spec.clusterIPs', { clusterIPs: ['fe80::1%eth0'] }],
  ])('refuses a wrong %s by its name', (field, spec) => {
    expect(() => map(spec)).toThrow(`${field}: expected`)
  })
})
