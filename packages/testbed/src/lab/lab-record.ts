import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { LabError } from './errors.ts'
import type { ProcessIdentity } from './process-identity.ts'

/** Holds a folder per lab, with its record and its processes' output. Empty after a boot, as the kernel is. */
const LABS_FOLDER = '/run/edgeway-lab'

/** How long a folder may be without a record before its creator must have been killed in between. */
const UNRECORDED_MS = 60_000

/** What is on disk about a lab from before its first namespace is made until after its last one is gone. */
export interface LabRecord {
  readonly id: string
  /** ISO 8601. */
  readonly createdAt: string
  readonly owner: ProcessIdentity
  /** A kept lab stays when its owner ends. */
  readonly kept: boolean
  readonly namespaces: readonly string[]
}

export function folderOf(id: string): string {
  return `${LABS_FOLDER}/${id}`
}

/** Where the output of a lab's processes goes. */
export function logFolderOf(id: string): string {
  return `${folderOf(id)}/logs`
}

/** @throws {LabError} when there is a record or folder of that id */
export function createRecord(record: LabRecord): void {
  mkdirSync(LABS_FOLDER, { recursive: true })
  try {
    mkdirSync(folderOf(record.id))
  } catch (error) {
    throw new LabError(`a lab "${record.id}" exists already`, { cause: error })
  }
  writeRecord(record)
}

/** Replaces the record at once: a reader sees the old or the new one. */
export function writeRecord(record: LabRecord): void {
  const file = `${folderOf(record.id)}/record.json`
  writeFileSync(`${file}.new`, JSON.stringify(record))
  renameSync(`${file}.new`, file)
}

/** Removes the record with everything in its folder. */
export function deleteRecord(id: string): void {
  rmSync(folderOf(id), { recursive: true, force: true })
}

/** All labs on this machine, oldest first. */
export function readRecords(): LabRecord[] {
  const records = foldersOfLabs().map((id) => readRecord(id))
  return records
    .filter((record) => record !== undefined)
    .sort((a, b) => a.createdAt.localeCompare(b.createdAt))
}

/** Ids of folders whose creator was killed before it wrote the record, so before it made anything else. */
export function unrecordedFolders(): string[] {
  return foldersOfLabs().filter((id) => readRecord(id) === undefined && ageMs(id) > UNRECORDED_MS)
}

function foldersOfLabs(): string[] {
  try {
    return readdirSync(LABS_FOLDER)
  } catch {
    // No lab since the machine started.
    return []
  }
}

function readRecord(id: string): LabRecord | undefined {
  try {
    return JSON.parse(readFileSync(`${folderOf(id)}/record.json`, 'utf8')) as LabRecord
  } catch {
    // Removed meanwhile, or not written yet.
    return undefined
  }
}

function ageMs(id: string): number {
  try {
    return Date.now() - statSync(folderOf(id)).mtimeMs
  } catch {
    // Removed meanwhile.
    return 0
  }
}
