import { expect, it } from 'vitest'
import { type Command, parseCommandLine, usage } from './command-line.ts'

function parse(args: readonly string[], cleanup = false): Command {
  return parseCommandLine(args, { cleanup })
}

it('reads what is asked for', () => {
  expect(parse(['--config', 'a.yaml'])).toEqual({ kind: 'run', configFile: 'a.yaml' })
  expect(parse(['--config=a.yaml', '--check-config'])).toEqual({
    kind: 'check-config',
    configFile: 'a.yaml',
  })
  expect(parse(['--help'])).toEqual({ kind: 'help' })
  expect(parse(['--version'])).toEqual({ kind: 'version' })
})

it('says what is wrong', () => {
  expect(parse([])).toEqual({ kind: 'wrong', message: '--config FILE is missing' })
  expect(parse(['--conf', 'a.yaml'])).toMatchObject({
    kind: 'wrong',
    message: expect.stringMatching(/--conf/),
  })
  expect(parse(['--config'])).toMatchObject({
    kind: 'wrong',
    message: expect.stringMatching(/--config/),
  })
  expect(parse(['--config', 'a.yaml', 'b.yaml'])).toMatchObject({
    kind: 'wrong',
    message: expect.stringMatching(/b\.yaml/),
  })
})

it('cleans up where the program has something to clean up', () => {
  expect(parse(['--config', 'a.yaml', '--cleanup'], true)).toEqual({ kind: 'cleanup', configFile: 'a.yaml' })
  expect(parse(['--config', 'a.yaml'], true)).toEqual({ kind: 'run', configFile: 'a.yaml' })
  expect(parse(['--cleanup'], true)).toEqual({ kind: 'wrong', message: '--config FILE is missing' })
  expect(parse(['--config', 'a.yaml', '--cleanup', '--check-config'], true)).toMatchObject({ kind: 'wrong' })
})

it('does not know of a cleanup where there is nothing to clean up', () => {
  const program = { name: 'tunnel-server', summary: 'A server.' }

  expect(parse(['--config', 'a.yaml', '--cleanup'])).toMatchObject({
    kind: 'wrong',
    message: expect.stringMatching(/--cleanup/),
  })
  expect(usage(program, { cleanup: false })).not.toContain('--cleanup')
  expect(usage(program, { cleanup: true })).toContain('--cleanup')
})
