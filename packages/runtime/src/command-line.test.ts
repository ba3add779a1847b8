import { expect, it } from 'vitest'
import { type Command, parseCommandLine, usage } from './command-line.ts'
import { commandUsage, type ProgramCommand } from './program-command.ts'

function parse(args: readonly string[], cleanup = false): Command<unknown> {
  return parseCommandLine(args, { cleanup, commands: [] })
}

const MAKE: ProgramCommand<unknown> = {
  name: 'token create',
  summary: 'Makes a token.',
  details: 'It lets somebody in.',
  options: { node: { value: 'NODE', help: 'for that node only' }, multi: { help: 'for many' } },
  read: () => async () => {},
}
const REVOKE: ProgramCommand<unknown> = {
  ...MAKE,
  name: 'token revoke',
  argument: { name: 'ID', help: 'of the token' },
  options: {},
}
const OTHER: ProgramCommand<unknown> = { ...MAKE, name: 'show', options: {} }
const COMMANDS = [MAKE, REVOKE, OTHER]

function parseWithCommands(...args: readonly string[]): Command<unknown> {
  return parseCommandLine(args, { cleanup: false, commands: COMMANDS })
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
  expect(usage(program, { cleanup: false, commands: [] })).not.toContain('--cleanup')
  expect(usage(program, { cleanup: true, commands: [] })).toContain('--cleanup')
})

it('reads a command with its options and argument, wherever they stand', () => {
  const found = parseWithCommands('--config', 'a.yaml', 'token', '--node', 'edge-1', 'create', '--multi')
  if (found.kind !== 'command') expect.fail(JSON.stringify(found))
  expect(found).toMatchObject({ command: MAKE, configFile: 'a.yaml' })
  expect([found.input.value('node'), found.input.has('multi')]).toEqual(['edge-1', true])

  const revoke = parseWithCommands('token', 'revoke', 'x1', '--config=a.yaml')
  expect(revoke).toMatchObject({ command: REVOKE, input: { argument: 'x1' } })
  expect(parseWithCommands('--config', 'a.yaml')).toEqual({ kind: 'run', configFile: 'a.yaml' })
  expect(parseWithCommands('--config', 'a.yaml', '--check-config')).toMatchObject({ kind: 'check-config' })
})

it.each([
  [['tokn', 'create'], 'unknown command "tokn create": expected token create, token revoke, show, or none'],
  [['token'], 'unknown command "token": expected token create, token revoke, or none'],
  [['token', 'drop', '--config', 'a'], 'unknown command "token drop"'],
  [['token', 'create'], '--config FILE is missing'],
  [['token', 'create', '--config', ''], '--config FILE is missing'],
  [['token', 'create', 'x', '--config', 'a'], 'unexpected argument "x"'],
  [['token', 'revoke', '--config', 'a'], 'ID is missing: of the token'],
  [['token', 'revoke', 'x', 'y', '--config', 'a'], 'unexpected argument "y"'],
  [['show', '--node', 'x', '--config', 'a'], "Unknown option '--node'"],
  [['token', 'create', '--nod', 'x', '--config', 'a'], "Unknown option '--nod'"],
  [['token', 'create', '--config', 'a', '--node'], "'--node <value>' argument missing"],
  [['token', 'create', '--config', 'a', '--multi=1'], "'--multi' does not take an argument"],
  [['show', '--check-config', '--config', 'a'], "Unknown option '--check-config'"],
])('says what is wrong with %j', (args, message) => {
  expect(parseWithCommands(...args)).toMatchObject({
    kind: 'wrong',
    message: expect.stringContaining(message),
  })
})

it('explains the program with its commands, and each command', () => {
  for (const args of [['--help'], ['token', '--help'], ['nonsense', '-h']])
    expect(parseWithCommands(...args)).toEqual({ kind: 'help' })
  expect(parseWithCommands('token', 'create', '-h')).toEqual({ kind: 'help', command: MAKE })

  expect(usage({ name: 'server', summary: 'A server.' }, { cleanup: false, commands: COMMANDS })).toBe(
    `A server.

Usage: server --config FILE [--check-config]
       server COMMAND --config FILE

Commands, each on what the program keeps; it may run meanwhile:
  token create [--node NODE] [--multi] --config FILE
      Makes a token.
  token revoke ID --config FILE
      Makes a token.
  show --config FILE
      Makes a token.

  --config FILE    the config file, YAML
  --check-config   check the config file and exit: 0 when it is valid, 1 when it is not
  --version        print the version
  -h, --help       print this text, or that of a command

SIGTERM or SIGINT stops it; a second one stops it at once.
Exit codes: 0 stopped, 1 failed, 2 wrong command line.`,
  )
  expect(commandUsage('server', REVOKE)).toBe(
    `Makes a token.

Usage: server token revoke ID --config FILE

  ID              of the token
  --config FILE   the config file of the program, YAML
  -h, --help      print this text

It lets somebody in.

Exit codes: 0 done, 1 failed, 2 wrong command line.`,
  )
})
