import { execFile } from 'node:child_process'
import { chmod, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const SCRIPT = fileURLToPath(new URL('disk.ts', import.meta.url))
const UNWRITTEN = 'warn offline store can not be written, will retry'
const WRITTEN = 'info offline store is written again'
const READ = 'info offline store read'

/** What a process saw that has a disk of its own, of which that is true. */
async function play(story: string): Promise<Record<string, unknown>> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-disk-'))
  await chmod(folder.path, 0o755)
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', SCRIPT, story, folder.path]
  const { stdout } = await promisify(execFile)('unshare', ['--mount', ...command], { timeout: 50_000 })
  return JSON.parse(stdout)
}

it('a store whose disk fills up says so once, and is written when there is room again', async () => {
  expect(await play('fills up')).toEqual({
    failing: true,
    failingAfter: false,
    words: [READ, UNWRITTEN, WRITTEN],
    found: 2_000,
  })
})

it.each(['is full at the start', 'is read-only at the start'])(
  'a store whose disk %s is read, and written when that is possible',
  async (story) => {
    expect(await play(story)).toMatchObject({
      found: 100,
      failing: true,
      words: [UNWRITTEN, READ, WRITTEN],
      foundAfter: 101,
    })
  },
)

it('a store whose disk becomes read-only is what it was before', async () => {
  expect(await play('becomes read-only')).toEqual({ words: [READ, UNWRITTEN], foundAfter: 100 })
})

it('a store that belongs to somebody else is read', async () => {
  expect(await play('belongs to somebody else')).toEqual({
    found: 100,
    failing: true,
    words: [UNWRITTEN, READ],
  })
})
