import { describe, expect, it } from 'vitest'
import { readApiObject } from '../kubernetes/api-object.ts'
import { mapNode } from './node-mapper.ts'

describe('mapNode', () => {
  it('keeps labels, addresses and the routed network, and no heartbeat', () => {
    const metadata = {
      name: 'edge-1',
      labels: { site: 'a' },
      annotations: { 'edgeway.io/routed-network': 'n1' },
    }
    const addresses = [{ type: 'InternalIP', address: '192.168.1.10' }]
    expect(mapNode(readApiObject({ metadata, status: { addresses, conditions: [] } }))).toEqual({
      name: 'edge-1',
      labels: { site: 'a' },
      addresses,
      routedNetwork: 'n1',
    })
  })

  it('needs none of them', () => {
    expect(mapNode(readApiObject({ metadata: { name: 'edge-1' } }))).toEqual({
      name: 'edge-1',
      labels: {},
      addresses: [],
      routedNetwork: undefined,
    })
  })

  it.each([
    ['metadata', {}],
    ['metadata.name', { metadata: {} }],
    ['metadata.labels', { metadata: { name: 'edge-1', labels: { site: 1 } } }],
  ])('is refused with a wrong %s', (field, object) => {
    expect(() => readApiObject(object)).toThrow(`${field}: expected`)
  })
})
