import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const REPOSITORY = join(import.meta.dirname, '..')
/** A tool that sees nothing passes: fewer modules than that, and it has gone blind. */
const FEWEST_MODULES = 150
/** Seconds of work for a processor, which busy machines share. */
const TIMEOUT_MS = 120_000

/** Files that break a boundary, in packages that can resolve what they import. */
const SEEDS = {
  'packages/dns/src/seeded.ts': [
    "import { execFile } from 'node:child_process'",
    "import { pid } from 'node:process'",
    "import { decode } from 'dns-packet'",
    "import type { WeightedRoundRobin } from '../../traffic/src/balance/weighted-round-robin.ts'",
    "import { Proxier } from '../../proxier/src/index.ts'",
    'export const seeded: [unknown, unknown, unknown, WeightedRoundRobin?, Proxier?] = [execFile, pid, decode]',
  ],
  'packages/traffic/src/seeded.ts': ["export * from 'koffi'"],
  'packages/metadata/src/seeded.ts': ["export type * from '@kubernetes/client-node'"],
  'packages/edge-agent/src/seeded.ts': ["export * from 'zod'"],
  'packages/edge-agent/src/seeded-too.ts': ["export * from '../../runtime/src/log.ts'"],
}

const FINDINGS = [
  /imports-of-dns: packages\/dns\/src\/seeded\.ts → packages\/proxier/,
  /imports-of-dns: packages\/dns\/src\/seeded\.ts → packages\/traffic/,
  /one-entry-per-package: packages\/edge-agent\/src\/seeded-too\.ts/,
  /door-of-.*child-process.*: packages\/dns\/src\/seeded\.ts/,
  /door-of-.*process: packages\/dns\/src\/seeded\.ts → process/,
  /door-of-.*dns-packet: packages\/dns\/src\/seeded\.ts/,
  /door-of-.*koffi: packages\/traffic\/src\/seeded\.ts/,
  /door-of-.*client-node: packages\/metadata\/src\/seeded\.ts/,
  /door-of-.*zod: packages\/edge-agent\/src\/seeded\.ts/,
]

/** Beside the checkout's own files, so that packages resolve as they do there; git ignores it. */
const copy = mkdtempSync(join(REPOSITORY, 'node_modules/.boundaries-'))
afterAll(() => rmSync(copy, { recursive: true }))

function cruise(folder: string, paths: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const depcruise = join(REPOSITORY, 'node_modules/.bin/depcruise')
  const command = ['--config', '.dependency-cruiser.mjs', ...paths]
  const { status, stdout } = spawnSync(depcruise, command, { cwd: folder, encoding: 'utf8' })
  return { ok: status === 0, output: stdout }
}

/** Sources are copied; what they depend on is only linked. */
function copyTo(folder: string): void {
  for (const file of ['.dependency-cruiser.mjs', 'tsconfig.json', 'package.json'])
    cpSync(join(REPOSITORY, file), join(folder, file))
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'))
  for (const name of readdirSync(join(REPOSITORY, 'packages'))) {
    const [from, to] = [join(REPOSITORY, 'packages', name), join(folder, 'packages', name)]
    cpSync(from, to, { recursive: true, filter: (source) => !source.startsWith(join(from, 'node_modules')) })
    symlinkSync(join(from, 'node_modules'), join(to, 'node_modules'))
  }
}

describe('the boundaries between packages', { timeout: TIMEOUT_MS }, () => {
  it('are kept, and really looked at', () => {
    const { ok, output } = cruise(REPOSITORY, ['packages', 'e2e', 'demo', 'bench', 'container', 'scripts'])

    expect(ok, output).toBe(true)
    expect(Number(/(\d+) modules/.exec(output)?.[1])).toBeGreaterThan(FEWEST_MODULES)
  })

  it('are seen when they are broken: a sibling, a type of a sibling, a technology behind its door', () => {
    copyTo(copy)
    for (const [file, lines] of Object.entries(SEEDS)) writeFileSync(join(copy, file), lines.join('\n'))
    const { ok, output } = cruise(copy, Object.keys(SEEDS))

    expect(ok).toBe(false)
    for (const finding of FINDINGS) expect(output).toMatch(finding)
  })
})
