import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CommandError } from '../errors.ts'
import { mustRun, type RunCommand, runCommand } from './run-command.ts'

const OUT_OF_DESCRIPTORS = fileURLToPath(new URL('../../test/out-of-descriptors.ts', import.meta.url))

describe('runCommand', () => {
  it('gives input to the command and returns what it wrote', async () => {
    expect(await runCommand(['sh', '-c', 'cat; echo oops >&2; exit 3'], 'hello')).toEqual({
      code: 3,
      stdout: 'hello',
      stderr: 'oops\n',
    })
  })

  it('takes a command that does not read its input', async () => {
    expect(await runCommand(['true'], 'x'.repeat(1_000_000))).toMatchObject({ code: 0 })
  })

  it('says of a missing command that it is missing', async () => {
    await expect(runCommand(['edgeway-no-such-command'])).rejects.toThrow(CommandError)
    await expect(runCommand(['edgeway-no-such-command'])).rejects.toThrow(/can't be started/)
  })

  it('says of a command that no descriptors are left for, and goes on', async () => {
    const { code, stdout, stderr } = await runCommand([
      'sh',
      '-c',
      `ulimit -n 64; exec ${process.execPath} ${OUT_OF_DESCRIPTORS}`,
    ])

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('CommandError: "true" can\'t be started: spawn true EMFILE\n')
  })

  it('says of a command that a signal ended that it was killed', async () => {
    await expect(runCommand(['sh', '-c', 'kill -9 $$'])).rejects.toThrow(/was killed/)
  })
})

describe('mustRun', () => {
  function failing(stderr: string): RunCommand {
    return async () => ({ code: 1, stdout: '', stderr })
  }

  it("puts the command's own words into the error", async () => {
    await expect(mustRun(failing('Error: syntax error\n'), ['nft', '-f', '-'])).rejects.toThrow(
      '"nft -f -" failed with exit code 1: Error: syntax error',
    )
  })

  it('says what to do when a capability is missing', async () => {
    const run = failing('Operation not permitted (you must be root)')
    await expect(mustRun(run, ['nft', 'list', 'tables'])).rejects.toThrow(/CAP_NET_ADMIN/)
  })

  it('says which kernel is needed when nft meets one that lacks something', async () => {
    const run = failing('Error: Could not process rule: Operation not supported')
    await expect(mustRun(run, ['nft', '-f', '-'])).rejects.toThrow(/Linux 5\.2/)
  })

  it('cuts what nft says of thousands of lines', async () => {
    const error = await mustRun(failing('x'.repeat(100_000)), ['nft', '-f', '-']).catch((e: unknown) => e)
    expect(String(error).length).toBeLessThan(1_200)
  })
})
