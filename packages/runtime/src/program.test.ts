import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { CommandLineError, MetricSpecError } from './errors.ts'
import type { ProcessHost } from './process.ts'
import { type Program, runProgram } from './program.ts'
import type { ProgramCommand } from './program-command.ts'

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
    print: (text) => void done.push(`printed: ${text}`),
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

/** Prints what it was told, or fails as it was told. */
const SAY: ProgramCommand<Config> = {
  name: 'say',
  summary: 'Says a word.',
  details: 'Nothing else.',
  argument: { name: 'WORD', help: 'what to say' },
  options: { times: { value: 'N', help: 'how often' } },
  read(input) {
    const times = input.parsed(
      'times',
      (text) => (/^[0-9]$/.test(text) ? Number(text) : undefined),
      'a digit',
    )
    return async ({ size }, host) => {
      if (input.argument === 'fail') throw new MetricSpecError('it is broken')
      if (input.argument === 'crash') throw new Error('unforeseen')
      host.print(`${input.argument} ${times} ${size}`)
    }
  },
}

it('carries a command out instead of running', async () => {
  expect(await run(['say', 'hello', '--times', '2'], { commands: [SAY] })).toEqual({
    code: 0,
    done: ['printed: hello 2 3'],
  })
  expect(await run([], { commands: [SAY] })).toEqual({ code: 0, done: ['run 3'] })
})

it('says what is wrong with a command, and how to get help', async () => {
  expect(await run(['say', 'x', '--times', 'often'], { commands: [SAY] })).toEqual({
    code: 2,
    done: ['program say: --times: expected a digit, found "often"\nTry program say --help.'],
  })
  expect(await run(['say', 'fail'], { commands: [SAY] })).toEqual({
    code: 1,
    done: ['program say: it is broken'],
  })
  expect(await run(['shout'], { commands: [SAY] })).toMatchObject({ code: 2 })
  await expect(run(['say', 'crash'], { commands: [SAY] })).rejects.toThrow('unforeseen')
})

it('a command that finds its input wrong only by the config ends like a wrong command line', async () => {
  const read = () => async () => {
    throw new CommandLineError('--x: no')
  }
  expect(await run(['say', 'x'], { commands: [{ ...SAY, read }] })).toMatchObject({ code: 2 })
})

it('shows the help of a command, and of the program with its commands', async () => {
  expect((await run(['say', '--help'], { commands: [SAY] })).done).toEqual([
    expect.stringContaining('Usage: program say WORD [--times N] --config FILE'),
  ])
  expect((await run(['--help'], { commands: [SAY] })).done).toEqual([
    expect.stringContaining('say WORD [--times N] --config FILE\n      Says a word.'),
  ])
})
