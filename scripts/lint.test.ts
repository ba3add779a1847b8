import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const REPOSITORY = join(import.meta.dirname, '..')
const BIOME = ['biome', 'lint', '--colors=off', '--vcs-enabled=false']
const OXLINT = ['oxlint']

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgeway-lint-'))
  for (const file of ['biome.jsonc', '.oxlintrc.json']) cpSync(join(REPOSITORY, file), join(folder, file))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What a linter says about a repository that holds this one file. */
function lint([file = '', ...args]: readonly string[], path: string, code: string): string {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), `${code}\n`)
  const program = join(REPOSITORY, 'node_modules/.bin', file)
  const { stdout, stderr } = spawnSync(program, [...args, path], { cwd: folder, encoding: 'utf8' })
  return `${stdout}${stderr}`
}

describe('the linters', () => {
  it('keep the process behind its door', () => {
    const code = 'export const pid = process.pid'

    expect(lint(BIOME, 'packages/dns/src/seeded.ts', code)).toContain('noRestrictedGlobals')
    expect(lint(BIOME, 'packages/runtime/src/process.ts', code)).not.toContain('noRestrictedGlobals')
  })

  it.each([
    ["vi.mock('./index.ts')", 'no-restricted-vi-methods'],
    ["vi.spyOn(console, 'log')", 'no-restricted-vi-methods'],
    ["it.only('works', () => {})", 'no-focused-tests'],
    ["it.skip('works', () => {})", 'no-disabled-tests'],
  ])('refuse %s', (statement, rule) => {
    const code = `import { it, vi } from 'vitest'\n${statement}\nexport const both = [it, vi]`

    expect(lint(OXLINT, 'packages/dns/src/seeded.test.ts', code)).toContain(rule)
  })
})
