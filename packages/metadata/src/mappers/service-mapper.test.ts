import type { Service } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { readApiObject } from '../kubernetes/api-object.ts'
import { type ServiceFilterMode, serviceMapper } from './service-mapper.ts'

const mapService = serviceMapper('FilterIfLabelExists')

function map(spec: unknown, { metadata = {}, status = {} } = {}): Service {
  return mapService(
    readApiObject({ metadata: { namespace: 'shop', name: 'web', ...metadata }, spec, status }),
  )
}

const PLAIN_PORT = { externalIps: [], nodePort: undefined, appProtocol: undefined, proxied: true }

describe('a mapped Service', () => {
  it('has one ServicePort per port, at all ClusterIPs', () => {
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
      headless: false,
      externalName: undefined,
      ports: [
        { name: 'shop/web:http', protocol: 'TCP', port: 80, clusterIps, ...PLAIN_PORT },
        { name: 'shop/web:dns', protocol: 'UDP', port: 53, clusterIps, ...PLAIN_PORT },
      ],
      clientIpAffinitySeconds: undefined,
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      trafficDistribution: undefined,
      publishNotReadyAddresses: false,
      destinationPolicy: undefined,
      annotations: {},
    })
  })

  it('takes clusterIP where there are no clusterIPs, and TCP where there is no protocol', () => {
    expect(map({ clusterIP: '10.96.0.1', ports: [{ port: 80 }] }).ports).toEqual([
      { name: 'shop/web', protocol: 'TCP', port: 80, clusterIps: ['10.96.0.1'], ...PLAIN_PORT },
    ])
  })

  it.each([
    ['a headless Service', { clusterIP: 'None', clusterIPs: ['None'] }],
    ['a Service that has no address yet', { clusterIP: '' }],
    ['an ExternalName Service', { type: 'ExternalName', clusterIP: '10.96.0.1', externalName: 'db.example' }],
  ])('gives %s no ClusterIP', (_, spec) => {
    expect(map(spec).clusterIps).toEqual([])
  })

  it('is headless only by its own word', () => {
    expect(map({ clusterIP: 'None' }).headless).toBe(true)
    expect(map({ clusterIP: '' }).headless).toBe(false)
  })

  it('has the name that it stands for', () => {
    expect(map({ type: 'ExternalName', externalName: 'db.example' }).externalName).toBe('db.example')
  })

  it('has its node ports, and the addresses by which others reach it, without those of a proxying balancer', () => {
    const ingress = [
      { ip: '192.0.2.1', ipMode: 'VIP' },
      { ip: '192.0.2.2', ipMode: 'Proxy' },
      { ip: '192.0.2.3' },
      { hostname: 'lb.example' },
    ]
    const spec = {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.1',
      externalIPs: ['2001:DB8::1', '192.0.2.3'],
      ports: [{ port: 80, nodePort: 30_080, appProtocol: 'kubernetes.io/h2c' }],
    }
    expect(map(spec, { status: { loadBalancer: { ingress } } }).ports).toMatchObject([
      {
        nodePort: 30_080,
        appProtocol: 'kubernetes.io/h2c',
        externalIps: ['2001:db8::1', '192.0.2.3', '192.0.2.1'],
      },
    ])
  })

  it('keeps its policies', () => {
    const spec = {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferSameZone',
      publishNotReadyAddresses: true,
      destinationPolicy: undefined,
    }
    expect(map(spec)).toMatchObject({
      clientIpAffinitySeconds: 60,
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferSameZone',
      publishNotReadyAddresses: true,
      destinationPolicy: undefined,
    })
    expect(map({ sessionAffinity: 'ClientIP' }).clientIpAffinitySeconds).toBe(10_800)
  })

  it('keeps only the annotations that the mesh understands', () => {
    const understood = {
      'edgeway.io/topology': 'node,any',
      'edgeway.io/balancing': 'round-robin',
      'edgeway.io/not-known-yet': '1',
      'apps.kubeedge.io/service-topology': 'range-nodegroup',
    }
    const annotations = {
      ...understood,
      'apps.kubeedge.io/last-change': 'today',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
    }
    expect(map({}, { metadata: { annotations } }).annotations).toEqual(understood)
  })

  it.each<[ServiceFilterMode, boolean, boolean]>([
    ['FilterIfLabelExists', true, false],
    ['FilterIfLabelExists', false, true],
    ['FilterIfLabelDoesNotExists', true, true],
    ['FilterIfLabelDoesNotExists', false, false],
  ])('by %s, with the label of another proxy: %s, is proxied: %s', (mode, hasLabel, proxied) => {
    const labels = hasLabel ? { 'service.edgemesh.kubeedge.io/service-proxy-name': '' } : {}
    const object = { metadata: { namespace: 'shop', name: 'web', labels }, spec: { ports: [{ port: 80 }] } }
    expect(serviceMapper(mode)(readApiObject(object)).ports).toMatchObject([{ proxied }])
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
    ['spec.externalIPs', { externalIPs: ['somewhere'] }],
    ['spec.externalName', { type: 'ExternalName' }],
    ['spec.ports[0].nodePort', { ports: [{ port: 80, nodePort: -1 }] }],
    [
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 'long' } } },
    ],
  ])('refuses a wrong %s by its name', (field, spec) => {
    expect(() => map(spec)).toThrow(`${field}: expected`)
  })
})
