import { expect, it } from 'vitest'
import { parseCommandLine } from './command-line.ts'

it('reads what is asked for', () => {
  expect(parseCommandLine(['--config', 'a.yaml'])).toEqual({ kind: 'run', configFile: 'a.yaml' })
  expect(parseCommandLine(['--config=a.yaml', '--check-config'])).toEqual({
    kind: 'check-config',
    configFile: 'a.yaml',
  })
  expect(parseCommandLine(['--help'])).toEqual({ kind: 'help' })
  expect(parseCommandLine(['--version'])).toEqual({ kind: 'version' })
})

it('says what is wrong', () => {
  expect(parseCommandLine([])).toEqual({ kind: 'wrong', message: '--config FILE is missing' })
  expect(parseCommandLine(['--conf', 'a.yaml'])).toMatchObject({
    kind: 'wrong',
    message: expect.stringMatching(/--conf/),
  })
  expect(parseCommandLine(['--config'])).toMatchObject({
    kind: 'wrong',
    message: expect.stringMatching(/--config/),
  })
  expect(parseCommandLine(['--config', 'a.yaml', 'b.yaml'])).toMatchObject({
    kind: 'wrong',
    message: expect.stringMatching(/b\.yaml/),
  })
})
