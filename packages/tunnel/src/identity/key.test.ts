import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { PrivateFile } from '../state/private-file.ts'
import { loadOrCreateKey } from './key.ts'

async function newPath(name: string): Promise<string> {
  return join(await newDirectory(), 'made-when-missing', name)
}

const directories: string[] = []

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'edgeway-tunnel-'))
  directories.push(directory)
  return directory
}

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true })
})

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

describe('the key file', () => {
  it('is made at the first start, for its owner only, and is the same at the next', async () => {
    const path = await newPath('key')
    const key = await loadOrCreateKey(new PrivateFile(path))

    expect(await modeOf(path)).toBe(0o600)
    expect((await loadOrCreateKey(new PrivateFile(path))).equals(key)).toBe(true)
  })

  it('is refused when other users can read it', async () => {
    const path = await newPath('key')
    await loadOrCreateKey(new PrivateFile(path))
    await chmod(path, 0o644)

    await expect(loadOrCreateKey(new PrivateFile(path))).rejects.toThrow(
      /can be read by other users: run chmod 600/,
    )
  })

  it('is never replaced when it is broken', async () => {
    const path = await newPath('key')
    await loadOrCreateKey(new PrivateFile(path))
    await writeFile(path, 'broken')

    await expect(loadOrCreateKey(new PrivateFile(path))).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
    expect(await readFile(path, 'utf8')).toBe('broken')
  })

  it('is refused when a bit of either half has changed', async () => {
    const path = await newPath('key')
    const stored = new PrivateFile(path)
    await loadOrCreateKey(stored)
    const bytes = await readFile(path)
    // Behind 4 bytes of protobuf: both halves of the key.
    for (let index = 4; index < bytes.length; index++) {
      await writeFile(path, bytes.with(index, (bytes[index] ?? 0) ^ 1))
      await expect(loadOrCreateKey(stored), `byte ${index}`).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
    }
  })
})
