import { expect, it } from 'vitest'
import { nodeGroupOf } from './node.ts'

it("takes a node's group from KubeEdge's label", () => {
  expect(nodeGroupOf({ labels: { 'apps.kubeedge.io/belonging-to': 'hangzhou' } })).toBe('hangzhou')
  expect(nodeGroupOf({ labels: {} })).toBeUndefined()
})
