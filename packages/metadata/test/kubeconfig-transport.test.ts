import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import type { NodeName } from '@edgeway/core'
import { FakeComponentDeps } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { httpTransport } from '../src/kubernetes/transport.ts'
import { DEFAULT_METADATA_OPTIONS, Metadata } from '../src/metadata.ts'
import type { MetadataSource } from '../src/source/source.ts'
import { service } from './support/objects.ts'
import { eventually } from './support/running-metadata.ts'
import { list, openWatch, ScriptedSource } from './support/scripted-source.ts'

interface Kubeconfig extends AsyncDisposable {
  readonly file: string
}

/** A kubeconfig with the contexts `first` (the current one) and `second`, whose users are of the same names. */
async function kubeconfig(first: string, second: string): Promise<Kubeconfig> {
  const folder = await mkdtempDisposable(join(tmpdir(), 'kubeconfig-'))
  const file = join(folder.path, 'config')
  const named = { first, second }
  const config = {
    clusters: Object.entries(named).map(([name, server]) => ({
      name,
      cluster: { server, 'insecure-skip-tls-verify': true },
    })),
    users: Object.keys(named).map((name) => ({ name, user: { token: `token-of-${name}` } })),
    contexts: Object.keys(named).map((name) => ({ name, context: { cluster: name, user: name } })),
    'current-context': 'first',
  }
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config))
  return { file, [Symbol.asyncDispose]: async () => await folder.remove() }
}

async function start(source: MetadataSource): Promise<Metadata> {
  const deps = { ...new FakeComponentDeps(), nodeName: 'edge-1' as NodeName }
  return await Metadata.start({ ...DEFAULT_METADATA_OPTIONS, source }, deps)
}

describe('the source apiserver', () => {
  it('asks the server of the wanted context with its credentials, below its path', async () => {
    const asked: string[] = []
    await using server = await ScriptedSource.start({
      services: [
        (response, request) => {
          asked.push(`${request.headers.authorization} ${request.url}`)
          list([service('web', '10.96.0.1')])(response, request)
        },
      ],
      'services?watch': [openWatch()],
    })
    await using config = await kubeconfig('http://127.0.0.1:1', `${server.url}/k8s/clusters/c-1/`)
    await using metadata = await start({ kind: 'apiserver', kubeconfig: config.file, context: 'second' })

    await eventually(() => expect(metadata.services.service('shop', 'web')).toBeDefined())
    expect(asked).toEqual(['Bearer token-of-second /k8s/clusters/c-1/api/v1/services?limit=500'])
  })

  it('says what is wrong with a kubeconfig that it can not use', async () => {
    await expect(start({ kind: 'apiserver', kubeconfig: '/nowhere/config' })).rejects.toThrow(
      "/nowhere/config can't be used: Error: ENOENT",
    )
    await using config = await kubeconfig('http://127.0.0.1:1', 'http://127.0.0.1:1')
    const source = { kind: 'apiserver', kubeconfig: config.file, context: 'third' } as const
    await expect(start(source)).rejects.toThrow(`${config.file} names no server`)
  })

  it('does not repeat what stands in a kubeconfig that is no YAML', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'kubeconfig-'))
    const file = join(folder.path, 'config')
    await writeFile(file, 'users:\n- name: a\n  user:\n    token: hunter2\n   bad: [\n')

    const error: unknown = await start({ kind: 'apiserver', kubeconfig: file }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ message: expect.stringMatching(/can't be used: YAMLException: .* \(5:/) })
    expect(inspect(error, { depth: 10 })).not.toContain('hunter2')
  })

  it('gives a list up whose credentials never come', async () => {
    const transport = httpTransport('http://127.0.0.1:1', () => new Promise(() => undefined))
    const asked = transport.get('/api', AbortSignal.abort(new Error('too late')))

    await expect(asked).rejects.toThrow("http://127.0.0.1:1 can't be asked: too late")
  })

  it('refuses a server that is not asked by HTTP', async () => {
    await using config = await kubeconfig('localhost:8080', 'ftp://127.0.0.1')
    const source = { kind: 'apiserver', kubeconfig: config.file } as const
    await expect(start(source)).rejects.toThrow('"localhost:8080" is not the URL of an API server')
    await expect(start({ ...source, context: 'second' })).rejects.toThrow('"ftp://127.0.0.1" is not the URL')
  })

  it('says that it needs a kubeconfig outside of a pod', async () => {
    await expect(start({ kind: 'apiserver' })).rejects.toThrow('name a kubeconfig')
  })
})

describe('the source metaserver', () => {
  it('refuses what is no URL', async () => {
    await expect(start({ kind: 'metaserver', url: 'nowhere' })).rejects.toThrow('"nowhere" is not the URL')
  })
})
