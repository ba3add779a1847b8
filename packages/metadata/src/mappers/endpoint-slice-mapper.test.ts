import { describe, expect, it } from 'vitest'
import { readApiObject } from '../kubernetes/api-object.ts'
import { mapEndpointSlice, type SliceEndpoint } from './endpoint-slice-mapper.ts'

const READY: Omit<SliceEndpoint, 'ip'> = {
  node: undefined,
  ready: true,
  serving: true,
  terminating: false,
  zone: undefined,
  forZones: [],
  hostname: undefined,
  pod: undefined,
}
const LABELS = { 'kubernetes.io/service-name': 'web' }

function map(slice: object, labels: unknown = LABELS): ReturnType<typeof mapEndpointSlice> {
  return mapEndpointSlice(readApiObject({ metadata: { namespace: 'shop', name: 'web-1', labels }, ...slice }))
}

describe('mapEndpointSlice', () => {
  it('names its Service, its ports, and its addresses with their nodes', () => {
    const slice = {
      addressType: 'IPv4',
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
      endpoints: [
        { addresses: ['10.1.0.1'], nodeName: 'edge-1', conditions: { ready: true, serving: true } },
        { addresses: ['10.1.0.2'], nodeName: 'edge-2', conditions: { ready: false } },
      ],
    }
    expect(map(slice)).toEqual({
      service: 'shop/web',
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
      endpoints: [
        { ...READY, ip: '10.1.0.1', node: 'edge-1' },
        { ...READY, ip: '10.1.0.2', node: 'edge-2', ready: false, serving: false },
      ],
    })
  })

  it('keeps the conditions of an endpoint that ends, its zone and hints, its hostname and its pod', () => {
    const endpoint = {
      addresses: ['10.1.0.1'],
      conditions: { ready: false, serving: true, terminating: true },
      zone: 'z1',
      hints: { forZones: [{ name: 'z1' }, { name: 'z2' }] },
      hostname: 'web-0',
      targetRef: { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'u1' },
    }
    expect(map({ addressType: 'IPv4', endpoints: [endpoint] })?.endpoints).toEqual([
      {
        ip: '10.1.0.1',
        node: undefined,
        ready: false,
        serving: true,
        terminating: true,
        zone: 'z1',
        forZones: ['z1', 'z2'],
        hostname: 'web-0',
        pod: { namespace: 'shop', name: 'web-0', uid: 'u1' },
      },
    ])
  })

  it('knows of no pod where the target is something else', () => {
    const endpoints = [{ addresses: ['10.1.0.1'], targetRef: { kind: 'Node', name: 'edge-1' } }]
    expect(map({ addressType: 'IPv4', endpoints })?.endpoints).toEqual([{ ...READY, ip: '10.1.0.1' }])
  })

  it('takes an endpoint without a condition as ready, and one without a node as being on none', () => {
    const endpoints = [
      { addresses: ['10.1.0.1'] },
      { addresses: ['10.1.0.2'], conditions: {} },
      { addresses: ['10.1.0.3'], conditions: { ready: null } },
    ]
    const mapped = map({ addressType: 'IPv4', endpoints })?.endpoints ?? []
    expect(mapped.map(({ node, ready }) => [node, ready])).toEqual(Array(3).fill([undefined, true]))
  })

  it('writes IPv6 addresses in their canonical form', () => {
    const endpoints = [{ addresses: ['FD00:0:0::1'] }]
    expect(map({ addressType: 'IPv6', endpoints })?.endpoints[0]?.ip).toBe('fd00::1')
  })

  it('takes the first address of an endpoint only', () => {
    const endpoints = [{ addresses: ['10.1.0.1', '10.1.0.2'] }]
    expect(map({ addressType: 'IPv4', endpoints })?.endpoints.map(({ ip }) => ip)).toEqual(['10.1.0.1'])
  })

  it('leaves out ports without a number and of protocols that the mesh does not carry', () => {
    const ports = [{ name: 'all' }, { name: 'sctp', protocol: 'SCTP', port: 1 }, { port: 80 }]
    expect(map({ addressType: 'IPv4', ports })?.ports).toEqual([{ name: '', protocol: 'TCP', port: 80 }])
  })

  it('is empty without endpoints, whether they are absent or null', () => {
    expect(map({ addressType: 'IPv4', ports: null, endpoints: null })).toMatchObject({
      ports: [],
      endpoints: [],
    })
  })

  it('has no concern with slices of no Service, or of names', () => {
    expect(map({ addressType: 'IPv4' }, {})).toBeUndefined()
    expect(map({ addressType: 'IPv4' }, null)).toBeUndefined()
    expect(map({ addressType: 'FQDN', endpoints: [{ addresses: ['a.example'] }] })).toBeUndefined()
  })

  it.each([
    ['endpoints', { endpoints: {} }],
    ['endpoints[0]', { endpoints: [null] }],
    ['endpoints[].addresses', { endpoints: [{ addresses: [] }] }],
    ['endpoints[].addresses', { endpoints: [{ addresses: ['10.1.0'] }] }],
    ['endpoints[0].nodeName', { endpoints: [{ addresses: ['10.1.0.1'], nodeName: 7 }] }],
    [
      'endpoints[0].conditions.ready',
      { endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: 'yes' } }] },
    ],
    ['ports[0].port', { ports: [{ port: 0 }] }],
  ])('refuses wrong %s by name', (field, slice) => {
    expect(() => map(slice)).toThrow(`${field}: expected`)
  })
})
