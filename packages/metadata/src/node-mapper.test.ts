import { describe, expect, it } from 'vitest'
import { readApiObject } from './kubernetes/api-object.ts'
import { mapNode } from './node-mapper.ts'

describe('mapNode', () => {
  it('keeps the labels and the routed network', () => {
    const metadata = {
      name: 'edge-1',
      labels: { site: 'a' },
      annotations: { 'edgeway.io/routed-network': 'n1' },
    }
    expect(mapNode(readApiObject({ metadata }))).toEqual({
      name: 'edge-1',
      labels: { site: 'a' },
      routedNetwork: 'n1',
    })
  })

  it('needs neither', () => {
    expect(mapNode(readApiObject({ metadata: { name: 'edge-1' } }))).toEqual({
      name: 'edge-1',
      labels: {},
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
