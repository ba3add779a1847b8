import { mkdtemp, mkdtempDisposable, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiDouble, kubeconfigFor, makeCertificate, ObjectStore } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { SecretEntry } from '../src/index.ts'
import { type Answer, ScriptedSource } from './support/scripted-source.ts'

const STATE = { secret: 'state', key: 'key' }
const OTHER = { secret: 'state', key: 'other' }

class TestCluster implements AsyncDisposable {
  readonly double: ApiDouble
  readonly #kubeconfig: string
  readonly #folder: string

  private constructor(double: ApiDouble, folder: string) {
    this.double = double
    this.#folder = folder
    this.#kubeconfig = join(folder, 'kubeconfig')
  }

  static async start(): Promise<TestCluster> {
    const certificate = await makeCertificate(['127.0.0.1'])
    const cluster = new TestCluster(
      await ApiDouble.start(new ObjectStore(), { certificate }),
      await mkdtemp(join(tmpdir(), 'edgeway-secret-')),
    )
    const target = { url: cluster.double.url, ca: certificate.certificate }
    await writeFile(cluster.#kubeconfig, kubeconfigFor(target))
    return cluster
  }

  open(name: typeof STATE): Promise<SecretEntry> {
    return SecretEntry.open(name, { kubeconfig: this.#kubeconfig })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.double[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true })
  }
}

async function textOf(entry: SecretEntry): Promise<string | undefined> {
  return (await entry.read())?.toString()
}

describe('an entry of a Secret', () => {
  it('is not there at first, and is what was written from then on', async () => {
    await using cluster = await TestCluster.start()
    const entry = await cluster.open(STATE)
    expect(entry.place).toBe('Secret default/state, key key')
    expect(await textOf(entry)).toBeUndefined()

    await entry.write('one')
    await entry.write('two')
    expect(await textOf(await cluster.open(STATE))).toBe('two')
  })

  it('leaves the other entries of its Secret alone', async () => {
    await using cluster = await TestCluster.start()
    const [entry, other] = [await cluster.open(STATE), await cluster.open(OTHER)]
    await entry.write('one')
    await other.write('two')
    await entry.write('three')

    expect(await textOf(other)).toBe('two')
    expect(await textOf(entry)).toBe('three')
  })

  it('is written although another one of its Secret is written at the same time', async () => {
    await using cluster = await TestCluster.start()
    const [entry, other] = [await cluster.open(STATE), await cluster.open(OTHER)]
    for (const round of ['one', 'two'])
      await Promise.all([entry.write(`${round} key`), other.write(`${round} other`)])

    expect([await textOf(entry), await textOf(other)]).toEqual(['two key', 'two other'])
  })

  it('is not written over what somebody else wrote at the same time', async () => {
    await using cluster = await TestCluster.start()
    const both = [await cluster.open(STATE), await cluster.open(STATE)]
    const [first, second] = await Promise.allSettled(both.map((entry, index) => entry.write(`${index}`)))
    expect([first?.status, second?.status].toSorted()).toEqual(['fulfilled', 'rejected'])
    const lost = first?.status === 'rejected' ? first : second
    expect(lost).toMatchObject({ reason: { code: 'ERR_SECRET_CONFLICT' } })
  })

  it('is not written over what somebody else wrote meanwhile', async () => {
    await using cluster = await TestCluster.start()
    const [first, second] = [await cluster.open(STATE), await cluster.open(STATE)]
    await Promise.all([first.read(), second.read()])
    await first.write('first')

    await expect(second.write('second')).rejects.toMatchObject({ code: 'ERR_SECRET_CONFLICT' })
    expect(await textOf(second)).toBe('first')
  })

  it('is written again although the answer to a write was lost', async () => {
    const holds = (text: string): Answer => {
      const data = { key: Buffer.from(text).toString('base64') }
      return (response) => void response.end(JSON.stringify({ metadata: { name: 'state' }, data }))
    }
    const lost: Answer = (response) => void response.destroy()
    await using source = await ScriptedSource.start({
      state: [holds('one'), holds('one'), lost, holds('two'), holds('three')],
    })
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-secret-'))
    const kubeconfig = join(folder.path, 'kubeconfig')
    const cluster = { server: source.url, 'insecure-skip-tls-verify': true }
    const context = { cluster: 'c', user: 'u' }
    const config = {
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'c', context }],
      'current-context': 'c',
    }
    await writeFile(kubeconfig, JSON.stringify(config))
    const entry = await SecretEntry.open(STATE, { kubeconfig })
    expect(await textOf(entry)).toBe('one')

    await expect(entry.write('two')).rejects.toMatchObject({ code: 'ERR_SOURCE' })
    await entry.write('three')
    expect(source.asked('state')).toBe(5)
  })

  it('says what is wrong when the API server is away', async () => {
    await using cluster = await TestCluster.start()
    const entry = await cluster.open(STATE)
    await cluster.double[Symbol.asyncDispose]()

    await expect(entry.read()).rejects.toMatchObject({ code: 'ERR_SOURCE' })
  })
})
