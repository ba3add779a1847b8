import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const PROGRAM = fileURLToPath(new URL('./program.ts', import.meta.url))

async function start(...args: readonly string[]): Promise<ChildProcessByStdio<null, Readable, null>> {
  const child = spawn('node', [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'readable')
  return child
}

describe('a process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly at %s', async (signal) => {
    const child = await start()
    child.kill(signal)

    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('exits at once at the second signal when its stop hangs', async () => {
    const child = await start('hang')
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    while (child.exitCode === null && child.signalCode === null) {
      await new Promise(setImmediate)
      child.kill('SIGINT')
    }

    expect((await exited)[0]).toBeGreaterThan(128)
  })

  it('is not hurried by the first signal when a failure stops it already, and its exit code tells of the failure', async () => {
    const child = await start('fail')
    child.kill('SIGTERM')

    expect(await once(child, 'exit')).toEqual([1, null])
  })

  it('stops cleanly while its start still waits for something', async () => {
    const child = await start('wait')
    child.kill('SIGTERM')

    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('goes on when its log can not be written', async () => {
    await using full = await open('/dev/full', 'w')
    const child = spawn('node', [PROGRAM, 'log'], { stdio: ['ignore', full.fd, 'inherit'] })

    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('logs an error that nobody caught, and fails', async () => {
    const child = await start('crash')
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])

    expect(code).toBe(1)
    expect(output).toContain('"message":"broken on purpose"')
  })
})
