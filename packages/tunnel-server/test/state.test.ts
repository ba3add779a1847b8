import { mkdtempDisposable, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeName } from '@edgeway/core'
import { SecretEntry } from '@edgeway/metadata'
import { ApiDouble, kubeconfigFor, MemoryLogger, makeCertificate, ObjectStore } from '@edgeway/testbed'
import { ClusterKeys, type StoredValue } from '@edgeway/tunnel'
import { describe, expect, it, vi } from 'vitest'
import { type Patience, SecretValue } from '../src/secret-value.ts'
import { openCluster, openState } from '../src/state.ts'

const HOST = { apiServer: undefined, nodeName: 'cloud-1' }
const DAY = 86_400
const PEER = '12D3KooWRw48BNE3xLFTAZ64JHV2Pm6dAt32PYadh6zriuC14Lxb'

function patience(): Patience & { readonly logger: MemoryLogger } {
  return { logger: new MemoryLogger(), shutdown: new AbortController().signal }
}

describe('the state in files', () => {
  it('is in the data directory, each for its owner only', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-state-'))
    const config = { dataDir: join(folder.path, 'made'), state: { kind: 'files' } } as const
    const { key, cluster, joinToken, registry, refreshIntervalMs } = await openState(config, HOST, patience())

    for (const [name, value] of Object.entries({ key, 'cluster.json': cluster, 'join-token': joinToken })) {
      await value.write('x')
      expect(value.place).toBe(`file ${config.dataDir}/${name}`)
      expect((await stat(join(config.dataDir, name))).mode & 0o777).toBe(0o600)
    }
    expect(registry.place).toBe(`file ${config.dataDir}/registry.json`)
    expect(refreshIntervalMs).toBe(2_000)
  })

  it('lets a command change what a server has read', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-state-'))
    const config = { dataDir: folder.path, state: { kind: 'files' } } as const
    const server = await ClusterKeys.loadOrCreate((await openState(config, HOST, patience())).cluster)
    const command = await ClusterKeys.loadOrCreate(await openCluster(config, HOST))
    await command.revoke({ kind: 'node', value: 'edge-1' })
    await server.spend(server.createToken({ uses: 'single', validSeconds: DAY }), 'a peer')

    expect(server.trust.revocation('node', 'edge-1')).toBeDefined()
  })
})

/** An API server with a Secret for several pods. */
class SecretCluster implements AsyncDisposable {
  readonly #double: ApiDouble
  readonly #kubeconfig: string
  readonly #stack: AsyncDisposableStack

  private constructor(double: ApiDouble, kubeconfig: string, stack: AsyncDisposableStack) {
    this.#double = double
    this.#kubeconfig = kubeconfig
    this.#stack = stack
  }

  static async start(): Promise<SecretCluster> {
    const stack = new AsyncDisposableStack()
    const folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-secret-'))
    stack.defer(() => folder.remove())
    const certificate = await makeCertificate(['127.0.0.1'])
    const double = stack.use(await ApiDouble.start(new ObjectStore(), { certificate }))
    const kubeconfig = join(folder.path, 'kubeconfig')
    await writeFile(kubeconfig, kubeconfigFor({ url: double.url, ca: certificate.certificate }))
    return new SecretCluster(double, kubeconfig, stack)
  }

  async open(key: string, waiting?: Patience): Promise<StoredValue> {
    return new SecretValue(
      await SecretEntry.open({ secret: 'state', key }, { kubeconfig: this.#kubeconfig }),
      waiting,
    )
  }

  async stop(): Promise<void> {
    await this.#double[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

describe('the state in a Secret', () => {
  it('is of one cluster although two servers start at once, beside a key of each', async () => {
    await using secrets = await SecretCluster.start()
    const start = async (node: string): Promise<ClusterKeys> => {
      await (await secrets.open(`key.${node}`, patience())).write(node)
      return await ClusterKeys.loadOrCreate(await secrets.open('cluster.json', patience()))
    }
    const [one, other] = await Promise.all([start('cloud-1'), start('cloud-2')])

    expect(one.cluster).toBe(other.cluster)
    const node = 'edge-1' as NodeName
    const certificate = one.issue({ node, peerId: PEER, role: 'agent', labels: {} }, DAY)
    expect(other.trust.judge(certificate, { peerId: PEER })).toMatchObject({ kind: 'member' })
    for (const host of ['cloud-1', 'cloud-2'])
      expect(String(await (await secrets.open(`key.${host}`)).read())).toBe(host)
  })

  it('keeps what both servers and a command write at the same time', async () => {
    await using secrets = await SecretCluster.start()
    const open = async (): Promise<ClusterKeys> =>
      ClusterKeys.loadOrCreate(await secrets.open('cluster.json'))
    const [one, other, command] = [await open(), await open(), await open()]
    const tokens = [1, 2].map(() => one.createToken({ uses: 'single', validSeconds: DAY }))
    const [first, second] = tokens
    if (first === undefined || second === undefined) expect.fail()
    const peers = [one.spend(first, 'peer-1'), other.spend(first, 'peer-2')]
    await Promise.all([
      ...peers,
      other.spend(second, 'peer-2'),
      command.revoke({ kind: 'node', value: 'edge-1' }),
    ])

    expect((await Promise.all(peers)).toSorted()).toEqual(['spent', 'taken'])
    for (const keys of [one, other, command]) {
      await keys.refresh()
      expect(keys.trust.revocation('node', 'edge-1')).toBeDefined()
      expect(await keys.spend(second, 'peer-1')).toBe('taken')
    }
  })

  it('is waited for by a server that starts, and by nobody else', async () => {
    await using secrets = await SecretCluster.start()
    const stop = new AbortController()
    const logger = new MemoryLogger()
    const server = await secrets.open('cluster.json', { logger, shutdown: stop.signal })
    const command = await secrets.open('cluster.json')
    await secrets.stop()

    await expect(command.read()).rejects.toMatchObject({ code: 'ERR_SOURCE' })
    const waiting = server.read()
    await vi.waitUntil(() => logger.lines.length > 0)
    expect(logger.lines[0]).toMatchObject({
      level: 'warn',
      message: 'state can not be read, will retry',
      fields: { place: 'Secret default/state, key cluster.json' },
    })
    stop.abort()
    await expect(waiting).rejects.toThrow('aborted')
  })

  it('is not waited for any more once it was read', async () => {
    await using secrets = await SecretCluster.start()
    const server = await secrets.open('cluster.json', patience())
    expect(await server.read()).toBeUndefined()
    await secrets.stop()

    await expect(server.read()).rejects.toMatchObject({ code: 'ERR_SOURCE' })
  })
})
