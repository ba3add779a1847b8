import { execFile } from 'node:child_process'
import { chmod, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const SCRIPT = fileURLToPath(new URL('disk.ts', import.meta.url))

/** What a process saw that has a disk of its own, of which that is true. */
async function play(story: string): Promise<unknown> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-disk-'))
  await chmod(folder.path, 0o755)
  const command = ['--mount', process.execPath, SCRIPT, story, folder.path]
  const { stdout } = await promisify(execFile)('unshare', command, { timeout: 50_000 })
  return JSON.parse(stdout)
}

it('a value whose disk is full is left as it was, which is said, and is written when there is room again', async () => {
  expect(await play('is full')).toEqual({
    said: "ERR_STORED_VALUE file /value can't be written: there is no space left on its disk; it is left as it was",
    kept: 'old',
    files: ['value', 'value.lock'],
    after: 'new',
  })
})

it('a value whose disk is read-only is left as it was, which is said', async () => {
  expect(await play('is read-only')).toEqual({
    said: "ERR_STORED_VALUE file /value can't be written: its file system is read-only; it is left as it was",
    kept: 'old',
  })
})

it('what root writes by a command belongs to the user whose directory it is in', async () => {
  expect(await play('is of another user')).toEqual({ read: 'by root', mode: 0o600 })
})
