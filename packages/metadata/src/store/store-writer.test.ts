import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryLogger } from '@edgeway/testbed'
import { expect, it, vi } from 'vitest'
import { openDatabase, readDatabase, type StoreBatch } from './database.ts'
import { StoreWriter } from './store-writer.ts'

function batchOf(key: string): StoreBatch {
  return { put: [{ kind: 'services', key, uid: key, revision: 1, value: '{}' }], deleted: [], listed: [] }
}

it('rests after a while, and writes on when there is something again', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-writer-'))
  const file = join(folder.path, 'edgeway.db')
  {
    await using writer = new StoreWriter({ file, idleMs: 1 }, new MemoryLogger())
    expect(writer.isResting).toBe(true)
    for (const key of ['a', 'b', 'c']) {
      expect(await writer.write(batchOf(key))).toEqual({ failure: undefined })
      await vi.waitFor(() => expect(writer.isResting).toBe(true))
    }
  }
  const database = openDatabase(file)
  expect(readDatabase(database).objects.map(({ key }) => key)).toEqual(['a', 'b', 'c'])
  database.close()
})

it('has closed the file once it says so', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-writer-'))
  const file = join(folder.path, 'edgeway.db')
  const writer = new StoreWriter({ file, idleMs: 60_000 }, new MemoryLogger())
  await writer.write(batchOf('a'))
  await writer[Symbol.asyncDispose]()
  expect(writer.isResting).toBe(true)
  const database = openDatabase(file)
  // Nobody else reads or writes.
  database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
  database.close()
})
