import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { crc32 } from 'node:zlib'
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
  readonly listed: readonly StoredList[]
}

/** Up to which revision everything of a kind is stored. */
export interface StoredList {
  readonly kind: string
  /** Of the complete list; 0 where rows of it were lost. */
  readonly revision: number
}

/** What an earlier process stored. */
export interface StoreContent {
  readonly objects: readonly StoredObject[]
  readonly listed: readonly StoredList[]
  /** Rows that were not what had been written. */
  readonly damagedRows: number
}

/** Of the tables and of the values in them: raise it with every change of either. */
const SCHEMA_VERSION = 3

/** Has the same tables; `ReflectedKind.restored` knows the values. */
const READABLE_VERSION = 2

const SCHEMA = `
CREATE TABLE objects (
  kind TEXT NOT NULL, key TEXT NOT NULL, uid TEXT NOT NULL, revision INTEGER NOT NULL, value TEXT NOT NULL,
  checksum INTEGER NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE lists (
  kind TEXT PRIMARY KEY, revision INTEGER NOT NULL, checksum INTEGER NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = ${SCHEMA_VERSION};
`

/**
 * Opens the store, made when missing.
 *
 * @throws {StoreVersionError} when it is of another version; any other error when it is broken or can't be opened
 */
export function openDatabase(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  return unlessFailed(new DatabaseSync(file), (database) => {
    // With WAL a crash loses the last writes at most, never what was there.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
    const version = versionOf(database)
    if (version === 0) database.exec(SCHEMA)
    else refuseOtherVersions(database, file)
    // From now on there are values that the program of that version can't read.
    if (version === READABLE_VERSION) database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
  })
}

/**
 * Opens a store that nothing can be written beside: a disk that is full, or read-only since its flash is worn. SQLite
 * would make files of its own there even to read.
 *
 * @returns `undefined` where the store is not whole without its WAL
 * @throws {StoreVersionError} when it is of another version; any other error when it is broken or can't be opened
 */
export function openUnwritable(file: string): DatabaseSync | undefined {
  if (!existsSync(file) || (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0)
    return undefined
  const url = pathToFileURL(file)
  url.searchParams.set('immutable', '1')
  return unlessFailed(new DatabaseSync(url, { readOnly: true }), (database) =>
    refuseOtherVersions(database, file),
  )
}

function unlessFailed(database: DatabaseSync, prepare: (database: DatabaseSync) => void): DatabaseSync {
  try {
    prepare(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function refuseOtherVersions(database: DatabaseSync, file: string): void {
  const version = versionOf(database)
  if (version !== SCHEMA_VERSION && version !== READABLE_VERSION)
    throw new StoreVersionError(file, version, SCHEMA_VERSION)
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
}

/**
 * Reads everything. Rows carry checksums of their own, since SQLite's pages do not: flash forgets bits.
 *
 * @throws {Error} when the file as a whole is damaged
 */
export function readDatabase(database: DatabaseSync): StoreContent {
  const [check] = database.prepare('PRAGMA quick_check(1)').all()
  if (check?.['quick_check'] !== 'ok')
    throw new Error(`the store is damaged: ${String(check?.['quick_check'])}`)
  const rows = database.prepare('SELECT * FROM objects').all() as unknown as readonly Checked<StoredObject>[]
  const lists = database.prepare('SELECT * FROM lists').all() as unknown as readonly Checked<StoredList>[]
  const objects = rows.filter((row) => row.checksum === checksumOfObject(row))
  const listed = lists.filter((row) => row.checksum === checksumOfList(row))
  const isWhole = objects.length === rows.length
  return {
    objects,
    // What was lost may still be in the cluster.
    listed: listed.map(({ kind, revision }) => ({ kind, revision: isWhole ? revision : 0 })),
    damagedRows: rows.length - objects.length + lists.length - listed.length,
  }
}

export function writeBatch(database: DatabaseSync, { put, deleted, listed }: StoreBatch): void {
  const insert = database.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)')
  const remove = database.prepare('DELETE FROM objects WHERE kind = ? AND key = ?')
  const list = database.prepare('INSERT OR REPLACE INTO lists VALUES (?, ?, ?)')
  database.exec('BEGIN')
  try {
    for (const row of put) {
      const { kind, key, uid, revision, value } = row
      insert.run(kind, key, uid, revision, value, checksumOfObject(row))
    }
    for (const { kind, key } of deleted) remove.run(kind, key)
    for (const row of listed) list.run(row.kind, row.revision, checksumOfList(row))
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

type Checked<Row> = Row & { readonly checksum: number }

function checksumOfObject({ kind, key, uid, revision, value }: StoredObject): number {
  return crc32([kind, key, uid, revision, value].join('\n'))
}

function checksumOfList({ kind, revision }: StoredList): number {
  return crc32([kind, revision].join('\n'))
}

/** SQLite's result codes that say nothing against the file: rights, locks, memory, read-only, I/O, space, folder. */
const CIRCUMSTANCES = new Set([3, 5, 6, 7, 8, 10, 13, 14])

/** Whether the error, of opening or reading, means that what is stored is of no use to anybody. */
export function isDamage(error: unknown): boolean {
  if (error instanceof StoreVersionError) return error.isOlder
  const { errcode, syscall } = (error ?? {}) as { readonly errcode?: unknown; readonly syscall?: unknown }
  // The low byte is the code, the others tell more of it (sqlite.org/rescode.html).
  if (typeof errcode === 'number') return !CIRCUMSTANCES.has(errcode & 0xff)
  return syscall === undefined
}

/** Of those: what a disk that can't be written to answers (read-only, I/O, full, no file beside it). */
const UNWRITABLE = new Set([8, 10, 13, 14])

/** Whether the error, of opening, may mean no more than that nothing can be written. */
export function isUnwritable(error: unknown): boolean {
  const { errcode } = (error ?? {}) as { readonly errcode?: unknown }
  return typeof errcode === 'number' && UNWRITABLE.has(errcode & 0xff)
}

/** Moves a store that is of no use out of the way, for whoever wants to know why; one of them is kept. */
export function setAside(file: string): void {
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
  if (existsSync(file)) renameSync(file, `${file}.broken`)
}
