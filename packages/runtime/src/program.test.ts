import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import type { ProcessHost } from './process.ts'
import { type Program, runProgram } from './program.ts'

interface Config {
  readonly size: number
}

/** Runs a program whose config file says `size: 3`; returns its exit code, what it did and what it wrote. */
async function run(args: readonly string[], others: Partial<Program<Config>> = {}) {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'program-'))
  const file = join(folder.path, 'config.yaml')
  await writeFile(file, 'size: 3\n')
  const done: string[] = []
  const host: ProcessHost = {
    args: ['--config', file, ...args],
    nodeName: 'edge-1',
    apiServer: undefined,
    shutdown: new AbortController().signal,
    fail: () => void done.push('failed'),
    setGroupId: () => {},
    print: () => {},
    printError: (text) => void done.push(text),
  }
  const program: Program<Config> = {
    name: 'program',
    summary: 'A program.',
    version: '1.2.3',
    schema: z.strictObject({ size: z.int() }),
    run: async ({ size }) => void done.push(`run ${size}`),
    ...others,
  }
  return { code: await runProgram(program, host), done }
}

it('cleans up instead of running when it is asked to', async () => {
  const cleanUp = async ({ size }: Config, host: ProcessHost) => host.printError(`cleaned ${size}`)

  expect(await run(['--cleanup'], { cleanUp })).toEqual({ code: 0, done: ['cleaned 3'] })
  expect(await run([], { cleanUp })).toEqual({ code: 0, done: ['run 3'] })
})

it('takes it for a wrong command line when a program without a cleanup is asked to clean up', async () => {
  const { code, done } = await run(['--cleanup'])

  expect(code).toBe(2)
  expect(done).toEqual([expect.stringContaining("Unknown option '--cleanup'")])
})
