import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const REPOSITORY = join(import.meta.dirname, '..')
/** A tool that sees nothing passes: fewer modules than that, and it has gone blind. */
const FEWEST_MODULES = 150

/** Beside the checkout's own files, so that packages resolve as they do there; git ignores it. */
const copy = mkdtempSync(join(REPOSITORY, 'node_modules/.boundaries-'))
afterAll(() => rmSync(copy, { recursive: true }))

function cruise(folder: string, paths: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const depcruise = join(REPOSITORY, 'node_modules/.bin/depcruise')
  const command = ['--config', '.dependency-cruiser.mjs', ...paths]
  const { status, stdout } = spawnSync(depcruise, command, { cwd: folder, encoding: 'utf8' })
  return { ok: status === 0, output: stdout }
}

describe('the boundaries between packages', () => {
  it('are kept, and really looked at', () => {
    const { ok, output } = cruise(REPOSITORY, ['packages', 'e2e', 'demo', 'bench', 'container', 'scripts'])

    expect(ok, output).toBe(true)
    expect(Number(/(\d+) modules/.exec(output)?.[1])).toBeGreaterThan(FEWEST_MODULES)
  })

  it('are seen when they are broken: a sibling, a type of a sibling, a technology behind its door', () => {
    for (const file of ['.dependency-cruiser.mjs', 'tsconfig.json', 'package.json'])
      cpSync(join(REPOSITORY, file), join(copy, file))
    cpSync(join(REPOSITORY, 'packages'), join(copy, 'packages'), {
      recursive: true,
      filter: (source) => !source.slice(REPOSITORY.length).includes('/node_modules'),
    })
    symlinkSync(join(REPOSITORY, 'node_modules'), join(copy, 'node_modules'))
    writeFileSync(
      join(copy, 'packages/dns/src/seeded.ts'),
      [
        "import { execFile } from 'node:child_process'",
        "import type { RoundRobin } from '../../traffic/src/balance/round-robin.ts'",
        "import { Proxier } from '../../proxier/src/index.ts'",
        'export const seeded: [typeof execFile, RoundRobin?, Proxier?] = [execFile]',
      ].join('\n'),
    )
    const { ok, output } = cruise(copy, ['packages/dns'])

    expect(ok).toBe(false)
    expect(output).toMatch(/imports-of-dns: packages\/dns\/src\/seeded\.ts → packages\/proxier/)
    expect(output).toMatch(/imports-of-dns: packages\/dns\/src\/seeded\.ts → packages\/traffic/)
    expect(output).toMatch(/door-of-.*child-process.*: packages\/dns\/src\/seeded\.ts/)
  })
})
