import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { StoredValue } from './stored-value.ts'

/** A file that only its owner can read; its directory is made when missing. */
export class PrivateFile implements StoredValue {
  readonly place: string
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    this.place = `file ${path}`
  }

  async read(): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#path)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  async write(content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    const unfinished = `${this.#path}.new`
    await using file = await open(unfinished, 'w', 0o600)
    // A file left by a crash keeps its old mode.
    await file.chmod(0o600)
    await file.writeFile(content)
    await file.sync()
    await rename(unfinished, this.#path)
  }

  async exposure(): Promise<string | undefined> {
    const { mode } = await stat(this.#path)
    const isExposed = (mode & 0o004) !== 0
    return isExposed ? `can be read by other users: run chmod 600 ${this.#path}` : undefined
  }
}
