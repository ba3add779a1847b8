import { describe, expect, it } from 'vitest'
import { ManifestError, parseManifests } from './manifests.ts'

describe('parseManifests', () => {
  it('reads every document, skips empty ones and unpacks lists', () => {
    const text = `
# a comment only
---
apiVersion: v1
kind: Node
metadata: { name: edge-1 }
---
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: Namespace, metadata: { name: shop } }
  - { apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: { namespace: shop, name: web-1 } }
`
    expect(parseManifests(text).map(({ ref }) => [ref.kind.kind, ref.namespace, ref.name])).toEqual([
      ['Node', undefined, 'edge-1'],
      ['Namespace', undefined, 'shop'],
      ['EndpointSlice', 'shop', 'web-1'],
    ])
  })

  it('puts a namespaced object without a namespace into default', () => {
    const [placed] = parseManifests('{ apiVersion: v1, kind: Service, metadata: { name: web } }')
    expect(placed?.ref.namespace).toBe('default')
  })

  it.each([
    ['broken YAML', 'a: [1'],
    ['something that is no object', 'kind: Service'],
    ['a kind that is not served', '{ apiVersion: apps/v1, kind: StatefulSet, metadata: { name: x } }'],
  ])('refuses %s', (_, text) => {
    expect(() => parseManifests(text)).toThrow(ManifestError)
  })
})
