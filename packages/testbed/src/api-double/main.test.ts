import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { readyLine, runDouble } from '../../test/double-process.ts'
import { ApiDoubleClient } from './api-double-client.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

function run(...args: readonly string[]): ReturnType<typeof runDouble> {
  return runDouble(MAIN, args)
}

describe('the process', () => {
  it('serves manifests from files, says when it is ready and stops on SIGTERM', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'api-double-'))
    const files = ['edge-1', 'edge-2'].map((name) => join(folder.path, `${name}.yaml`))
    for (const file of files) {
      const name = file.replace(/^.*\/(.*)\.yaml$/, '$1')
      await writeFile(file, `{ apiVersion: v1, kind: Node, metadata: { name: ${name} } }`)
    }

    await using child = run('--listen', '127.0.0.1:0', '--manifests', ...files)
    const ready = await readyLine(child)
    expect(ready).toEqual({ ready: true, url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) })
    const { url } = ready as { url: string }
    expect((await new ApiDoubleClient(url).list('Node')).items).toHaveLength(2)

    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('counts versions while nothing is written, where it is told to', async () => {
    await using child = run('--listen', '127.0.0.1:0', '--heartbeat-ms', '1')
    const { url } = (await readyLine(child)) as { url: string }
    const client = new ApiDoubleClient(url)
    const versions = async (): Promise<string | undefined> => (await client.list('Node')).resourceVersion
    const first = await versions()
    await vi.waitFor(async () => expect(Number(await versions())).toBeGreaterThan(Number(first)))
  })

  it('says what is wrong with its arguments', async () => {
    await using child = run('--listen', 'nowhere')
    expect(await text(child.stderr ?? Readable.from([]))).toContain(
      '--listen: expected HOST:PORT, found nowhere',
    )
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(1)
  })
})
