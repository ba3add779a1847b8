import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../src/metaserver-double/main.ts', import.meta.url))

interface Ready {
  readonly ready: boolean
  readonly url: string
  readonly controlUrl: string
}

function run(...args: readonly string[]): ChildProcess & AsyncDisposable {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  return Object.assign(child, {
    [Symbol.asyncDispose]: async (): Promise<void> => {
      child.kill()
      await exited
    },
  })
}

async function readyLine(child: ChildProcess): Promise<Ready> {
  const [line]: unknown[] = await once(child.stdout ?? child, 'data')
  return JSON.parse(String(line))
}

describe('the process', () => {
  it('serves manifests, keeps its rows over a kill, and stops on SIGTERM', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'metaserver-double-'))
    const [manifest, db] = [join(folder.path, 'node.yaml'), join(folder.path, 'edge.db')]
    await writeFile(manifest, '{ apiVersion: v1, kind: Node, metadata: { name: edge-1 } }')
    await using first = run('--db', db, '--manifests', manifest, '--control', '127.0.0.1:0')
    const { url, controlUrl } = await readyLine(first)
    expect((await fetch(`${url}/api/v1/nodes/edge-1`)).status).toBe(200)
    expect(await (await fetch(`${controlUrl}/stats`)).json()).toMatchObject({ rows: 1 })
    first.kill('SIGKILL')
    await once(first, 'exit')

    await using second = run('--db', db)
    expect((await fetch(`${(await readyLine(second)).url}/api/v1/nodes/edge-1`)).status).toBe(200)
    second.kill('SIGTERM')
    expect(await once(second, 'exit')).toEqual([0, null])
  })

  it('keeps its certificate where it is told to', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'metaserver-double-'))
    const pki = join(folder.path, 'pki')
    const certificates: string[] = []
    for (const _ of ['first', 'second']) {
      await using child = run('--secure', '--token', 'x', '--pki', pki)
      expect((await readyLine(child)).url).toMatch(/^https:/)
      certificates.push(await readFile(join(pki, 'ca.crt'), 'utf8'))
    }
    expect(certificates[0]).toBe(certificates[1])
  })

  it('says what is wrong with its arguments', async () => {
    await using child = run('--listen', 'nowhere')
    expect(await text(child.stderr ?? Readable.from([]))).toContain(
      '--listen: expected HOST:PORT, found nowhere',
    )
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(1)
  })
})
