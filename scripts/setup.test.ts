import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const SETUP = join(import.meta.dirname, '../setup')
const NODE = `node_modules/node-linux-${process.arch}/bin/node`
/** What a set-up of packages leaves, besides a note that it was called. */
const INSTALL = `echo install >> calls; mkdir -p ${dirname(NODE)}; ln -sf ${process.execPath} ${NODE}`
/** For a condition that is met by other processes; far more than they take. */
const PATIENCE = { timeout: 15_000, interval: 20 }

/** A checkout with nothing but the set-up, one root script and programs that only seem to install. */
let checkout: string

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'edgeway-setup-'))
  cpSync(SETUP, join(checkout, 'setup'), { recursive: true })
  for (const folder of ['packages', 'scripts', 'bin']) mkdirSync(join(checkout, folder))
  write('package.json', '{ "type": "module", "packageManager": "pnpm@0.0.0" }')
  write('pnpm-lock.yaml', 'one: 1')
  write('scripts/check.ts', 'process.exitCode = 3')
  program('npx', INSTALL)
})
afterEach(() => rmSync(checkout, { recursive: true }))

function write(file: string, content: string): void {
  writeFileSync(join(checkout, file), content)
}

/** Puts a program before all others on the PATH; it runs in the checkout. */
function program(name: string, script: string): void {
  writeFileSync(join(checkout, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

function calls(): readonly string[] {
  const file = join(checkout, 'calls')
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
}

function start(
  args: readonly string[],
  path = '/usr/bin:/bin',
): ChildProcessByStdio<null, Readable, Readable> {
  const env = { PATH: `${join(checkout, 'bin')}:${path}` }
  return spawn(process.execPath, args, { cwd: checkout, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function endOf(
  child: ChildProcessByStdio<null, Readable, Readable>,
): Promise<{ readonly code: unknown; readonly words: string }> {
  const [[code], words] = await Promise.all([once(child, 'close'), text(child.stderr)])
  return { code, words }
}

function setUp(script: string): ReturnType<typeof start> {
  return start(['setup/run.mjs', script])
}

describe('the set-up of packages', () => {
  it('installs once, and ends with the exit code of the script', async () => {
    expect(await endOf(setUp('check'))).toMatchObject({ code: 3 })
    expect(await endOf(setUp('check'))).toEqual({ code: 3, words: '' })
    expect(calls()).toEqual(['install'])
  })

  it('says how an install failed, and does not take the former one for that of this checkout', async () => {
    await endOf(setUp('check'))
    write('pnpm-lock.yaml', 'two: 2')
    program('npx', 'echo no such package >&2; exit 1')
    const failed = await endOf(setUp('check'))
    expect(failed.code).toBe(1)
    expect(failed.words).toContain('no such package')

    write('pnpm-lock.yaml', 'one: 1')
    program('npx', INSTALL)
    expect(await endOf(setUp('check'))).toMatchObject({ code: 3 })
    expect(calls()).toEqual(['install', 'install'])
  })

  it('is done once when two start at the same time', async () => {
    program('npx', `${INSTALL}; until [ -e go ]; do sleep 0.05; done`)
    const first = setUp('check')
    const ends = [endOf(first)]
    await vi.waitFor(() => expect(calls()).toEqual(['install']), PATIENCE)
    const second = setUp('check')
    second.stderr.on('data', (chunk: Buffer) => {
      if (chunk.includes('waiting for another set-up')) write('go', '')
    })
    ends.push(endOf(second))

    expect(await Promise.all(ends)).toMatchObject([{ code: 3 }, { code: 3 }])
    expect(calls()).toEqual(['install'])
  })

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('is stopped by %s with all that it started', async (signal, code) => {
    program('npx', 'sleep 600 & echo install >> calls; wait')
    const child = setUp('check')
    const end = endOf(child)
    await vi.waitFor(() => expect(calls()).toEqual(['install']), PATIENCE)
    child.kill(signal)

    expect(await end).toMatchObject({ code })
    // Whoever is left still has the lock.
    const lock = (): number | null =>
      spawnSync('flock', ['-n', join(checkout, '.cache/setup.lock'), 'true']).status
    await vi.waitFor(() => expect(lock()).toBe(0), PATIENCE)
  })
})

describe('the set-up', () => {
  it('hands signals on to the script', async () => {
    write(
      'scripts/check.ts',
      "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 9); console.log()",
    )
    const child = setUp('check')
    child.stdout.once('data', () => child.kill('SIGTERM'))

    expect(await endOf(child)).toMatchObject({ code: 7 })
  })

  it('names the scripts there are', async () => {
    const { code, words } = await endOf(setUp('chekc'))

    expect(code).toBe(1)
    expect(words).toMatch(/^setup: no script chekc; there are .*check, demo/)
  })

  it('names missing tools with their packages where there is no apt-get', async () => {
    program('npx', INSTALL.replaceAll(/(mkdir|ln) /g, '/bin/$1 '))
    program('flock', 'exec /usr/bin/flock "$@"')
    const { code, words } = await endOf(start(['setup/run.mjs', 'image'], '/nowhere'))

    expect(code).toBe(1)
    expect(words).toContain('no apt-get')
    expect(words).toContain('buildah (builds images; Debian package buildah)')
  })
})

describe('apt-get', () => {
  const install = (): ReturnType<typeof start> =>
    start([
      '--input-type=module',
      '-e',
      "import { aptGet } from './setup/apt.mjs'; await aptGet('x', ['install', 'y'])",
    ])

  it('asks for new lists when a package is not to be had, and tries again', async () => {
    program(
      'apt-get',
      'for last; do :; done; [ "$last" = update ] || last=install; echo $last >> calls; [ $last = update ] || grep -q update calls',
    )

    expect(await endOf(install())).toMatchObject({ code: 0 })
    expect(calls()).toEqual(['install', 'update', 'install'])
  })

  it('first finishes what a killed installation left', async () => {
    program('apt-get', 'grep -q -e --configure calls || { echo E: dpkg was interrupted >&2; exit 100; }')
    program('dpkg', 'echo "$@" >> calls')
    write('calls', '')

    expect(await endOf(install())).toMatchObject({ code: 0 })
    expect(calls()).toContain('--configure -a')
  })

  it('fails with the end of the output when nothing helps', async () => {
    program('apt-get', 'echo E: no network >&2; exit 100')
    const { code, words } = await endOf(install())

    expect(code).toBe(1)
    expect(words).toContain('E: no network')
  })
})
