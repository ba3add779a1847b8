import { chown, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoredValueConflictError, StoredValueError } from '../errors.ts'
import { lockFile } from './file-lock.ts'
import type { StoredValue } from './stored-value.ts'

export interface PrivateFileOptions {
  /** Other processes write it, too: see `StoredValue`. Beside it, a file `<path>.lock` is kept for good. */
  readonly shared?: boolean
}

/** By the code of the error. */
const UNWRITABLE: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'there is no space left on its disk'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EROFS', 'its file system is read-only'],
  ['EACCES', 'this user may not'],
])

/** A file that only its owner can read; its directory is made when missing. */
export class PrivateFile implements StoredValue {
  readonly place: string
  readonly #path: string
  readonly #shared: boolean
  /** What it held when it was read or written last. */
  #known: Buffer | undefined

  constructor(path: string, { shared = false }: PrivateFileOptions = {}) {
    this.#path = path
    this.#shared = shared
    this.place = `file ${path}`
  }

  async read(): Promise<Buffer | undefined> {
    const content = await this.#read()
    if (this.#shared) this.#known = content
    return content
  }

  async write(content: string | Uint8Array): Promise<void> {
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
      if (this.#shared) await this.#replaceKnown(content)
      else await this.#replace(content)
    } catch (error) {
      throw this.#writeError(error)
    }
  }

  async exposure(): Promise<string | undefined> {
    const isExposed = ((await this.#mode()) & 0o004) !== 0
    return isExposed ? `can be read by other users: run chmod 600 ${this.#path}` : undefined
  }

  /** 0 for a file that is gone. */
  async #mode(): Promise<number> {
    try {
      return (await stat(this.#path)).mode
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return 0
      throw new StoredValueError(`${this.place} can't be read: ${String(cause)}`, { cause })
    }
  }

  async #read(): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#path)
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return undefined
      throw new StoredValueError(`${this.place} can't be read: ${String(cause)}`, { cause })
    }
  }

  /** Nobody writes between the comparison and the replacement: all who share the file lock it. */
  async #replaceKnown(content: string | Uint8Array): Promise<void> {
    const lock = `${this.#path}.lock`
    using _ = await lockFile(lock)
    await this.#giveToOwner(lock)
    if (!isSame(await this.#read(), this.#known))
      throw new StoredValueConflictError(`${this.place} was written by another process meanwhile`)
    await this.#replace(content)
    this.#known = Buffer.from(content)
  }

  async #replace(content: string | Uint8Array): Promise<void> {
    const unfinished = `${this.#path}.new`
    try {
      await this.#fill(unfinished, content)
      await this.#giveToOwner(unfinished)
      await rename(unfinished, this.#path)
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {
        // What keeps it from being written may keep it from being removed.
      })
      throw error
    }
    await this.#syncDirectory()
  }

  async #fill(unfinished: string, content: string | Uint8Array): Promise<void> {
    await using file = await open(unfinished, 'w', 0o600)
    // A file left by a crash keeps its old mode.
    await file.chmod(0o600)
    await file.writeFile(content)
    await file.sync()
  }

  /** What root writes by a command stays readable for the user that the server runs as. */
  async #giveToOwner(path: string): Promise<void> {
    const old = await stat(this.#path).catch(() => stat(dirname(this.#path)))
    const { uid } = await stat(path)
    if (uid === old.uid) return
    await chown(path, old.uid, old.gid).catch(() => {
      // Who is not root has no files to give away.
    })
  }

  /** So that the new name, too, outlives a loss of power. */
  async #syncDirectory(): Promise<void> {
    try {
      await using directory = await open(dirname(this.#path))
      await directory.sync()
    } catch {
      // Not every file system can; the file itself is written.
    }
  }

  #writeError(cause: unknown): unknown {
    if (cause instanceof StoredValueError || cause instanceof StoredValueConflictError) return cause
    const why = UNWRITABLE.get(codeOf(cause)) ?? String(cause)
    return new StoredValueError(`${this.place} can't be written: ${why}; it is left as it was`, { cause })
  }
}

function isSame(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
