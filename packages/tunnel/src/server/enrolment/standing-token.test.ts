import { chmod, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it, vi } from 'vitest'
import { FlooredClock } from '../../identity/clock.ts'
import { ClusterKeys } from '../../identity/cluster-keys.ts'
import { PrivateFile } from '../../state/private-file.ts'
import { ClusterUpkeep } from './cluster-upkeep.ts'
import { judgeStandingToken, keepStandingToken } from './standing-token.ts'

const DAY = 86_400
const START_MS = 1_800_000_000_000

/** A tunnel server's files, and the time that it is there. */
class Site implements AsyncDisposable {
  readonly folder: string
  readonly #remove: () => Promise<void>
  readonly clock: FlooredClock
  nowMs = START_MS

  private constructor(folder: string, remove: () => Promise<void>) {
    this.folder = folder
    this.#remove = remove
    this.clock = new FlooredClock(() => this.nowMs)
  }

  static async open(): Promise<Site> {
    const folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-token-'))
    return new Site(folder.path, () => folder.remove())
  }

  get cluster(): PrivateFile {
    return new PrivateFile(join(this.folder, 'cluster.json'), { shared: true })
  }

  get tokenFile(): string {
    return join(this.folder, 'join-token')
  }

  get joinToken(): PrivateFile {
    return new PrivateFile(this.tokenFile)
  }

  keys(): Promise<ClusterKeys> {
    return ClusterKeys.loadOrCreate(this.cluster, this.clock)
  }

  pass(seconds: number): void {
    this.nowMs += seconds * 1_000
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove()
  }
}

describe('the standing join token', () => {
  it('is made once, for many uses of any node, and kept', async () => {
    await using site = await Site.open()
    const keys = await site.keys()
    const made = await keepStandingToken(site.joinToken, keys, DAY)
    expect(made).toMatchObject({ fault: 'missing', token: { uses: 'multi', cluster: keys.cluster } })
    expect(made.token.node).toBeUndefined()

    expect(await keepStandingToken(site.joinToken, keys, DAY)).toEqual({ token: made.token })
    expect(await readFile(site.tokenFile, 'utf8')).toBe(`${made.token.text}\n`)
  })

  it('is made anew when a third of its life is left, not before', async () => {
    await using site = await Site.open()
    const keys = await site.keys()
    await keepStandingToken(site.joinToken, keys, DAY)
    site.pass((DAY * 2) / 3 - 1)
    expect((await keepStandingToken(site.joinToken, keys, DAY)).fault).toBeUndefined()

    site.pass(1)
    const { fault, token } = await keepStandingToken(site.joinToken, keys, DAY)
    expect(fault).toBe('ending')
    expect(token.notAfter).toBe(site.clock.now() + DAY)
  })

  it('is made anew when it was revoked, and when the cluster has another key', async () => {
    await using site = await Site.open()
    const keys = await site.keys()
    const { token } = await keepStandingToken(site.joinToken, keys, DAY)
    await keys.revoke({ kind: 'token', value: token.id })
    expect((await keepStandingToken(site.joinToken, keys, DAY)).fault).toBe('revoked')

    await keys.rotate()
    expect((await keepStandingToken(site.joinToken, keys, DAY)).fault).toBe('older-key')
    expect((await keepStandingToken(site.joinToken, keys, DAY)).fault).toBeUndefined()
  })

  it.each([
    ['a piece', 'unusable'],
    ['', 'unusable'],
    ['edgeway1.12D3KooWRw48BNE3xLFTAZ64JHV2Pm6dAt32PYadh6zriuC14Lxb.AAAA', 'unusable'],
  ])('is made anew instead of %j', async (text, fault) => {
    await using site = await Site.open()
    await writeFile(site.tokenFile, text, { mode: 0o600 })

    expect((await keepStandingToken(site.joinToken, await site.keys(), DAY)).fault).toBe(fault)
  })

  it('is no token of another cluster, for one use, or for one node', async () => {
    await using site = await Site.open()
    await using other = await Site.open()
    const [keys, foreign] = [await site.keys(), await other.keys()]
    const judged = (text: string) => judgeStandingToken(text, keys.trust)

    expect(judged(foreign.createToken({ uses: 'multi' }).text)).toBe('other-cluster')
    expect(judged(keys.createToken({ uses: 'single', validSeconds: DAY }).text)).toBe('unusable')
    expect(judged(keys.createToken({ uses: 'multi', node: 'edge-1' as never }).text)).toBe('unusable')
    expect(judged(keys.createToken({ uses: 'multi' }).text)).toMatchObject({ uses: 'multi' })
  })

  it('is the same for two servers that make it at the same time', async () => {
    await using site = await Site.open()
    const keys = await site.keys()
    const keep = () => keepStandingToken(new PrivateFile(site.tokenFile, { shared: true }), keys, DAY)
    const [one, other] = await Promise.all([keep(), keep()])

    expect(one.token).toEqual(other.token)
    expect([one.fault, other.fault].filter((fault) => fault === undefined)).toHaveLength(1)
  })

  it('is refused when other users can read it', async () => {
    await using site = await Site.open()
    await writeFile(site.tokenFile, 'x', { mode: 0o644 })

    await expect(keepStandingToken(site.joinToken, await site.keys(), DAY)).rejects.toMatchObject({
      code: 'ERR_JOIN_TOKEN',
      message: expect.stringMatching(/can be read by other users: run chmod 600/),
    })
  })
})

describe('the upkeep of a cluster', () => {
  async function start(site: Site, keys: ClusterKeys, logger: MemoryLogger): Promise<ClusterUpkeep> {
    const { cluster, joinToken } = site
    const state = { cluster, joinToken, refreshIntervalMs: 5 }
    return await ClusterUpkeep.start({ joinTokenValidSeconds: DAY }, { keys, state, logger })
  }

  it('takes over what others write, and makes the standing token anew where that needs it', async () => {
    await using site = await Site.open()
    const keys = await site.keys()
    const logger = new MemoryLogger()
    await using _ = await start(site, keys, logger)
    const before = await readFile(site.tokenFile, 'utf8')

    const command = await site.keys()
    await command.revoke({ kind: 'node', value: 'edge-1' })
    await command.rotate()
    await vi.waitUntil(() => keys.trust.serial === command.trust.serial)
    await vi.waitUntil(() => logger.lines.some(({ fields }) => fields['reason'] === 'older-key'))
    expect(keys.trust.revocation('node', 'edge-1')).toBeDefined()
    expect(await readFile(site.tokenFile, 'utf8')).not.toBe(before)
  })

  it('goes on with what it knows while the stored value is broken, says so once, and takes the next one', async () => {
    await using site = await Site.open()
    const keys = await site.keys()
    const whole = await readFile(join(site.folder, 'cluster.json'))
    const logger = new MemoryLogger()
    await using _ = await start(site, keys, logger)
    const said = (message: string) => logger.lines.filter((line) => line.message === message)
    await writeFile(join(site.folder, 'cluster.json'), 'a piece')
    await vi.waitUntil(() => said('stored value can not be used, will retry').length > 0)
    await writeFile(join(site.folder, 'cluster.json'), whole)
    await vi.waitUntil(() => said('stored value can be used again').length > 0)

    expect(said('stored value can not be used, will retry')).toHaveLength(1)
    const command = await site.keys()
    await command.revoke({ kind: 'node', value: 'edge-1' })
    await vi.waitUntil(() => keys.trust.revocation('node', 'edge-1') !== undefined)
  })

  it('starts although the token can not be stored, and stores it later', async () => {
    await using site = await Site.open()
    const keys = await site.keys()
    await writeFile(site.tokenFile, 'x', { mode: 0o644 })
    const logger = new MemoryLogger()
    await using _ = await start(site, keys, logger)
    expect(logger.lines).toMatchObject([{ level: 'warn', fields: { error: { code: 'ERR_JOIN_TOKEN' } } }])

    await chmod(site.tokenFile, 0o600)
    await vi.waitUntil(() => logger.lines.some(({ fields }) => fields['reason'] === 'unusable'))
  })

  it('stops at once, twice', async () => {
    await using site = await Site.open()
    const upkeep = await start(site, await site.keys(), new MemoryLogger())
    await upkeep[Symbol.asyncDispose]()
    await upkeep[Symbol.asyncDispose]()
  })
})
