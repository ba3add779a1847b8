import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreVersionError } from '../errors.ts'

/** A row of the store: what the mesh keeps of one object. */
export interface StoredObject {
  readonly kind: string
  readonly key: string
  readonly uid: string
  readonly revision: number
  /** JSON. */
  readonly value: string
}

/** What one write does, all of it or nothing. */
export interface StoreBatch {
  readonly put: readonly StoredObject[]
  readonly deleted: readonly Pick<StoredObject, 'kind' | 'key'>[]
  /** Kinds of which a complete list is stored from then on. */
  readonly listed: readonly string[]
}

/** What an earlier process stored. */
export interface StoreContent {
  readonly objects: readonly StoredObject[]
  readonly listed: readonly string[]
}

/** Of the tables and of the values in them: raise it with every change of either. A store of another is not touched. */
const SCHEMA_VERSION = 1

const SCHEMA = `
CREATE TABLE objects (
  kind TEXT NOT NULL, key TEXT NOT NULL, uid TEXT NOT NULL, revision INTEGER NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE listed (kind TEXT PRIMARY KEY) WITHOUT ROWID;
PRAGMA user_version = ${SCHEMA_VERSION};
`

/**
 * Opens the store, made when missing.
 *
 * @throws {StoreVersionError} when it is of another version; any other error when it is broken or can't be written
 */
export function openDatabase(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const database = new DatabaseSync(file)
  try {
    // With WAL a crash loses the last writes at most, never what was there.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
    const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {}
    if (version === 0) database.exec(SCHEMA)
    else if (version !== SCHEMA_VERSION) throw new StoreVersionError(file, Number(version), SCHEMA_VERSION)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

export function readDatabase(database: DatabaseSync): StoreContent {
  const [check] = database.prepare('PRAGMA quick_check(1)').all()
  if (check?.['quick_check'] !== 'ok')
    throw new Error(`the store is damaged: ${String(check?.['quick_check'])}`)
  const objects = database.prepare('SELECT kind, key, uid, revision, value FROM objects').all()
  const listed = database.prepare('SELECT kind FROM listed').all()
  return {
    objects: objects as unknown as readonly StoredObject[],
    listed: listed.map(({ kind }) => String(kind)),
  }
}

export function writeBatch(database: DatabaseSync, { put, deleted, listed }: StoreBatch): void {
  const insert = database.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)')
  const remove = database.prepare('DELETE FROM objects WHERE kind = ? AND key = ?')
  const note = database.prepare('INSERT OR IGNORE INTO listed VALUES (?)')
  database.exec('BEGIN')
  try {
    for (const { kind, key, uid, revision, value } of put) insert.run(kind, key, uid, revision, value)
    for (const { kind, key } of deleted) remove.run(kind, key)
    for (const kind of listed) note.run(kind)
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** SQLite's result codes that say nothing against the file: rights, locks, memory, read-only, I/O, space, folder. */
const CIRCUMSTANCES = new Set([3, 5, 6, 7, 8, 10, 13, 14])

/** Whether the error, of opening or reading, means that what is stored is of no use to anybody. */
export function isDamage(error: unknown): boolean {
  if (error instanceof StoreVersionError) return false
  const { errcode, syscall } = (error ?? {}) as { readonly errcode?: unknown; readonly syscall?: unknown }
  // The low byte is the code, the others tell more of it (sqlite.org/rescode.html).
  if (typeof errcode === 'number') return !CIRCUMSTANCES.has(errcode & 0xff)
  return syscall === undefined
}

/** Moves a store that can't be used out of the way, for whoever wants to know why; one of them is kept. */
export function setAside(file: string): void {
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
  if (existsSync(file)) renameSync(file, `${file}.broken`)
}
