import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { StoredValueError } from '../errors.ts'

/** Of SQLite: somebody else holds the lock. */
const SQLITE_BUSY = 5
const RETRY_MS = 10
/** Those who hold it write a small file; longer than this they hang. */
const PATIENCE_MS = 10_000

/**
 * Keeps all other processes of this machine, and all others of this one, out until it is disposed. The kernel holds the
 * lock for the process, so that it is free again whatever becomes of its owner, `kill -9` included. Node has no fcntl(2)
 * of its own, so an empty SQLite database does it; the file stays, and is empty.
 *
 * @param path - of the lock's own file, in a directory that exists
 * @throws {StoredValueError} when the file can't be made, or others hold the lock all the time
 */
export async function lockFile(path: string, patienceMs = PATIENCE_MS): Promise<Disposable> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const held = tryLock(path)
    if (held !== undefined) return held
    if (performance.now() > deadline)
      throw new StoredValueError(`file ${path} is locked by another process for ${patienceMs / 1_000} s`)
    await delay(RETRY_MS)
  }
}

function tryLock(path: string): Disposable | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: 0 })
    // Without a journal file beside it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    const held = database
    return { [Symbol.dispose]: () => held.close() }
  } catch (cause) {
    database?.close()
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY) return undefined
    throw new StoredValueError(`file ${path} can't be locked: ${String(cause)}`, { cause })
  }
}
