import { once } from 'node:events'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readyLine, runDouble } from '../double-process.ts'

const MAIN = fileURLToPath(new URL('../../src/metaserver-double/main.ts', import.meta.url))

interface Ready {
  readonly ready: boolean
  readonly url: string
  readonly controlUrl: string
}

function run(...args: readonly string[]): ReturnType<typeof runDouble> {
  return runDouble(MAIN, args)
}

async function ready(child: ReturnType<typeof run>): Promise<Ready> {
  return (await readyLine(child)) as Ready
}

describe('the process', () => {
  it('serves manifests, keeps its rows over a kill, and stops on SIGTERM', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'metaserver-double-'))
    const [manifest, db] = [join(folder.path, 'node.yaml'), join(folder.path, 'edge.db')]
    await writeFile(manifest, '{ apiVersion: v1, kind: Node, metadata: { name: edge-1 } }')
    await using first = run('--db', db, '--manifests', manifest, '--control', '127.0.0.1:0')
    const { url, controlUrl } = await ready(first)
    expect((await fetch(`${url}/api/v1/nodes/edge-1`)).status).toBe(200)
    expect(await (await fetch(`${controlUrl}/stats`)).json()).toMatchObject({ rows: 1 })
    first.kill('SIGKILL')
    await once(first, 'exit')

    await using second = run('--db', db)
    expect((await fetch(`${(await ready(second)).url}/api/v1/nodes/edge-1`)).status).toBe(200)
    second.kill('SIGTERM')
    expect(await once(second, 'exit')).toEqual([0, null])
  })

  it('keeps its certificate where it is told to', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'metaserver-double-'))
    const pki = join(folder.path, 'pki')
    const certificates: string[] = []
    for (const _ of ['first', 'second']) {
      await using child = run('--secure', '--token', 'x', '--pki', pki)
      expect((await ready(child)).url).toMatch(/^https:/)
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
