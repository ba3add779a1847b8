import { EDGEMESH_DNS_QUERIES } from '../../edgemesh.ts'
import type { Result } from '../result.ts'

/** Adds how our queries a second compare with those of EdgeMesh's CoreDNS, as it was measured. */
export function withEdgeMesh(results: readonly Result[]): Result[] {
  return results.flatMap((result) =>
    result.metric === 'queries' && result.referenceName === 'absolute'
      ? [result, againstEdgeMesh(result)]
      : [result],
  )
}

function againstEdgeMesh(result: Result): Result {
  const { ours, spread } = result
  if (ours === null || spread === null) return { ...result, referenceName: 'EdgeMesh' }
  return {
    ...result,
    reference: EDGEMESH_DNS_QUERIES,
    referenceName: 'EdgeMesh',
    ratio: ours / EDGEMESH_DNS_QUERIES,
    spread: [spread[0] / EDGEMESH_DNS_QUERIES, spread[1] / EDGEMESH_DNS_QUERIES],
  }
}
