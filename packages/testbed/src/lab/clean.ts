import { LabError } from './errors.ts'
import { removeRecorded } from './lab-claim.ts'
import { deleteRecord, type LabRecord, readRecords, unrecordedFolders } from './lab-record.ts'
import { isAlive } from './process-identity.ts'

/** `running`: its owner is alive. `kept`: left up on purpose. `orphaned`: its owner was killed. */
export type LabState = 'running' | 'kept' | 'orphaned'

export interface LabSummary {
  readonly id: string
  readonly state: LabState
  /** ISO 8601. */
  readonly createdAt: string
  readonly ownerPid: number
  readonly namespaces: readonly string[]
}

/** All labs and single namespaces of this machine that are on record, oldest first. */
export function listLabs(): LabSummary[] {
  return readRecords().map((record) => ({
    id: record.id,
    state: stateOf(record),
    createdAt: record.createdAt,
    ownerPid: record.owner.pid,
    namespaces: record.namespaces,
  }))
}

/**
 * Removes the labs of those ids, whatever their state; without ids, the kept and orphaned ones.
 *
 * @returns ids of the removed labs
 * @throws {LabError} when there is no lab of a given id; the others are removed nevertheless
 */
export function cleanLabs(ids: readonly string[] = []): string[] {
  const records = readRecords()
  const chosen =
    ids.length > 0
      ? records.filter(({ id }) => ids.includes(id))
      : records.filter((record) => !isAlive(record.owner))
  for (const record of chosen) removeRecorded(record)
  const removed = chosen.map(({ id }) => id)
  const unknown = ids.filter((id) => !removed.includes(id))
  if (unknown.length > 0) throw new LabError(`no lab ${unknown.join(', ')}`)
  return removed
}

/** Removes what killed runs left, as every new lab does first. */
export function sweepOrphans(): void {
  for (const record of readRecords()) if (stateOf(record) === 'orphaned') removeRecorded(record)
  for (const id of unrecordedFolders()) deleteRecord(id)
}

function stateOf({ owner, kept }: LabRecord): LabState {
  if (kept) return 'kept'
  return isAlive(owner) ? 'running' : 'orphaned'
}
