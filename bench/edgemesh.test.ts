import { expect, it } from 'vitest'
import { edgeMeshFigure } from './edgemesh.ts'

it("EdgeMesh's figure follows the reference's of the same run", () => {
  expect(edgeMeshFigure('relayed', 'bulk 1 flow', { name: 'haproxy', value: 5_010 })).toBeCloseTo(416)
  expect(edgeMeshFigure('relayed', 'bulk 1 flow', { name: 'haproxy', value: 501 })).toBeCloseTo(41.6)
  expect(edgeMeshFigure('relayed, 50 ms', 'new connections', { name: 'haproxy', value: 310 })).toBeCloseTo(
    18.5,
  )
})

it('EdgeMesh is told by the reference that was measured beside it', () => {
  expect(edgeMeshFigure('lan', 'bulk 1 flow', { name: 'kernel DNAT', value: 10_264 })).toBeCloseTo(1_980)
  expect(edgeMeshFigure('lan', 'bulk 1 flow', { name: 'haproxy', value: 5_000 })).toBeUndefined()
  expect(edgeMeshFigure('lan', 'bulk CPU s/GB', { name: 'haproxy', value: 0.8 })).toBeCloseTo(4)
})

it('EdgeMesh has no figure where none was measured', () => {
  expect(edgeMeshFigure('relayed, 50 ms', 'echo p50', { name: 'haproxy', value: 100 })).toBeUndefined()
})
