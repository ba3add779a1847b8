import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { unreachedPeer } from '../../../../test/unreached-peer.ts'
import { createTunnelMetrics } from '../../../metrics.ts'
import type { OpenPath } from '../open/open-paths.ts'
import { ChosenPaths } from './chosen-paths.ts'
import type { PathCondition } from './path-choice.ts'

const PEER = unreachedPeer('edge-2')

const [FIRST, SECOND] = [{}, {}] as [OpenPath['id'], OpenPath['id']]

function relayed(id: OpenPath['id'], condition: PathCondition = 'good'): OpenPath {
  const unmeasured = { rttMs: undefined, isMeasured: false, lossShare: undefined }
  return { id, kind: 'relayed', ...unmeasured, condition, isSpare: false }
}

/** What is told of the changes when these are the open paths, one after the other. */
function changesAlong(...looks: readonly (readonly OpenPath[])[]): string[] {
  const logger = new MemoryLogger()
  const { pathChanges } = createTunnelMetrics(new MemoryMetrics())
  let open: readonly OpenPath[] = []
  const deps = { open: { choosable: () => [...open] }, metrics: { pathChanges }, logger }
  const chosen = new ChosenPaths(deps)
  for (open of looks) chosen.choose(PEER)
  return logger.lines.map(({ fields }) => `${fields?.['from']} -> ${fields?.['to']}: ${fields?.['reason']}`)
}

it.each<[string, readonly OpenPath[], string]>([
  ['is closed', [], 'relayed -> none: closed'],
  ['falls silent', [relayed(FIRST, 'silent')], 'relayed -> none: silent'],
  ['does not take flows', [relayed(FIRST, 'avoided')], 'relayed -> none: avoided'],
  ['falls silent beside another', [relayed(FIRST, 'silent'), relayed(SECOND)], 'relayed -> relayed: silent'],
])('says why new flows leave a path that %s', (_what, paths, change) => {
  expect(changesAlong([relayed(FIRST)], paths)).toEqual(['none -> relayed: opened', change])
})
