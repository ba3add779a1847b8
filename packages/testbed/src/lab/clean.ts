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
 * @throws {LabError} when there is no lab of a given id, or one can't be removed; the others are removed nevertheless
 */
export function cleanLabs(ids: readonly string[] = []): string[] {
  const records = readRecords()
  const chosen =
    ids.length > 0
      ? records.filter(({ id }) => ids.includes(id))
      : records.filter((record) => !isAlive(record.owner))
  const failures = removeAll(chosen)
  if (failures.length > 0) throw new LabError(`not removed: ${failures.join('; ')}`)
  const removed = chosen.map(({ id }) => id)
  const unknown = ids.filter((id) => !removed.includes(id))
  if (unknown.length > 0) throw new LabError(`no lab ${unknown.join(', ')}`)
  return removed
}

/**
 * Removes what killed runs left, as every new lab does first. What can't be removed is no reason not to make another
 * lab: it stays on record for `cleanLabs`, which says why.
 */
export function sweepOrphans(): void {
  removeAll(readRecords().filter((record) => stateOf(record) === 'orphaned'))
  for (const id of unrecordedFolders()) deleteRecord(id)
}

/** @returns a sentence for each lab that could not be removed */
function removeAll(records: readonly LabRecord[]): string[] {
  return records.flatMap((record) => {
    try {
      removeRecorded(record)
      return []
    } catch (error) {
      return `${record.id} (${error instanceof Error ? error.message : error})`
    }
  })
}

function stateOf({ owner, kept }: LabRecord): LabState {
  if (kept) return 'kept'
  return isAlive(owner) ? 'running' : 'orphaned'
}
