import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { PrivateFile } from '../../src/state/private-file.ts'

const COUNTER = fileURLToPath(new URL('counter.ts', import.meta.url))
const TIMES = 100

type Counter = ChildProcessByStdio<null, Readable, null>

function startCounter(path: string, times: number): Counter {
  return spawn(process.execPath, [COUNTER, path, String(times)], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** @returns what it said it wrote */
async function valuesOf(counter: Counter): Promise<number[]> {
  return (await Array.fromAsync(createInterface({ input: counter.stdout }))).map(Number)
}

it('two processes that write one file lose nothing of one another', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-shared-'))
  const path = join(folder.path, 'value')
  const values = await Promise.all([1, 2].map(() => valuesOf(startCounter(path, TIMES))))

  expect(await readFile(path, 'utf8')).toBe(String(2 * TIMES))
  expect(values.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2 * TIMES }, (_, i) => i + 1))
})

it('a process that is killed while it writes leaves the file whole, and free for others', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-shared-'))
  const path = join(folder.path, 'value')
  let told = 0
  for (let kill = 0; kill < 5; kill++) {
    const counter = startCounter(path, 0)
    const closed = once(counter, 'close')
    for await (const line of createInterface({ input: counter.stdout })) {
      told = Number(line)
      if (told % 7 === kill) counter.kill('SIGKILL')
    }
    await closed
    const file = new PrivateFile(path, { shared: true })
    const found = Number(await file.read())
    // What was written may have died before it was told of.
    expect([told, told + 1]).toContain(found)
    await file.write(String(found + 1))
    told = found + 1
  }
})
