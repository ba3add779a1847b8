import { FakeNodeDirectory, nodeOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { NodeChanges } from './node-changes.ts'

const EDGE = nodeOf('edge-1')

describe('NodeChanges', () => {
  const nodes = new FakeNodeDirectory()
  nodes.set(EDGE)
  const changes = new NodeChanges(nodes)

  function becomes(labels: Record<string, string>, routedNetwork?: string): boolean {
    nodes.set(nodeOf('edge-1', { labels, routedNetwork }))
    return changes.matter(EDGE.name)
  }

  it('takes what selection goes by for a change, once', () => {
    const labels: Record<string, string> = {}
    for (const name of [
      'edgeway.io/lan',
      'apps.kubeedge.io/belonging-to',
      'topology.kubernetes.io/zone',
      'topology.kubernetes.io/region',
      'node-role.kubernetes.io/edge',
    ]) {
      labels[name] = ''
      expect([name, becomes({ ...labels }), becomes({ ...labels })]).toEqual([name, true, false])
    }
    expect([becomes(labels, 'factory'), becomes(labels, 'factory'), becomes({})]).toEqual([true, false, true])
  })

  it('takes no other label for a change', () => {
    expect(becomes({ 'feature.node.kubernetes.io/cpu': 'fast' })).toBe(false)
  })

  it('takes it for a change that a Node comes or goes', () => {
    nodes.delete(EDGE.name)
    expect(changes.matter(EDGE.name)).toBe(true)
    expect(becomes({})).toBe(true)
  })
})
