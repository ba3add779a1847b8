import { describe, expect, it } from 'vitest'
import { readApiObject } from '../kubernetes/api-object.ts'
import { mapEndpoints } from './endpoints-mapper.ts'

function map(subsets: unknown): ReturnType<typeof mapEndpoints> {
  return mapEndpoints(readApiObject({ metadata: { namespace: 'shop', name: 'web' }, subsets }))
}

describe('mapEndpoints', () => {
  it('makes a slice of each subset, with those that are not ready', () => {
    const subset = {
      ports: [{ name: 'http', port: 8080 }],
      addresses: [
        { ip: '10.1.0.1', nodeName: 'edge-1', targetRef: { kind: 'Pod', name: 'web-0', uid: 'u1' } },
      ],
      notReadyAddresses: [{ ip: '10.1.0.2', hostname: 'web-1' }],
    }
    expect(
      map([subset, { ports: [{ name: 'admin', port: 9000 }], addresses: [{ ip: '10.1.0.3' }] }]),
    ).toMatchObject([
      {
        service: 'shop/web',
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
        endpoints: [
          {
            ip: '10.1.0.1',
            node: 'edge-1',
            ready: true,
            serving: true,
            terminating: false,
            pod: { namespace: 'shop', name: 'web-0', uid: 'u1' },
          },
          { ip: '10.1.0.2', ready: false, serving: false, hostname: 'web-1', pod: undefined },
        ],
      },
      { ports: [{ name: 'admin' }], endpoints: [{ ip: '10.1.0.3' }] },
    ])
  })

  it('is empty without subsets', () => {
    expect(map(undefined)).toEqual([])
    expect(map(null)).toEqual([])
  })

  it('is not taken when it is cut off', () => {
    const annotations = { 'endpoints.kubernetes.io/over-capacity': 'truncated' }
    const metadata = { namespace: 'shop', name: 'web', annotations }
    expect(mapEndpoints(readApiObject({ metadata, subsets: [] }))).toBeUndefined()
  })

  it.each([
    ['subsets', {}],
    ['subsets[0].addresses[0].ip', [{ addresses: [{}] }]],
    ['subsets[].addresses[].ip', [{ addresses: [{ ip: 'somewhere' }] }]],
    ['subsets[0].ports[0].port', [{ ports: [{ port: 'http' }] }]],
  ])('refuses wrong %s by name', (field, subsets) => {
    expect(() => map(subsets)).toThrow(`${field}: expected`)
  })
})
