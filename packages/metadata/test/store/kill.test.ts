import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { killLoop } from './kill-loop.ts'

it('has everything that was written, and nothing else, wherever its writer is killed', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-kill-'))
  const seed = Date.now() % 1_000_000
  const findings = await killLoop({ file: join(folder.path, 'edgeway.db'), kills: 20, seed })
  expect(
    findings.filter(({ wrong }) => wrong.length > 0),
    `seed ${seed}`,
  ).toEqual([])
  expect(findings).toHaveLength(20)
}, 60_000)
