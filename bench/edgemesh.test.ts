import { expect, it } from 'vitest'
import { edgeMeshFigure } from './edgemesh.ts'

it("EdgeMesh's figure follows haproxy's of the same run", () => {
  expect(edgeMeshFigure('relayed', 'bulk 1 flow', 5_010)).toBeCloseTo(416)
  expect(edgeMeshFigure('relayed', 'bulk 1 flow', 501)).toBeCloseTo(41.6)
  expect(edgeMeshFigure('relayed, 50 ms', 'new connections', 310)).toBeCloseTo(18.5)
})

it('EdgeMesh has no figure where none was measured', () => {
  expect(edgeMeshFigure('relayed, 50 ms', 'echo p50', 100)).toBeUndefined()
})
