import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What the file holds; `undefined` when there is no such file. */
export async function readPrivateFile(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Writes the file as a whole or not at all, readable by its owner only; the directory is made when missing. Two writers
 * of one path must not overlap.
 */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const unfinished = `${path}.new`
  await using file = await open(unfinished, 'w', 0o600)
  // A file left by a crash keeps its old mode.
  await file.chmod(0o600)
  await file.writeFile(content)
  await file.sync()
  await rename(unfinished, path)
}

/** True when users other than owner and group may read the file. */
export async function isReadableByOthers(path: string): Promise<boolean> {
  const { mode } = await stat(path)
  return (mode & 0o004) !== 0
}
