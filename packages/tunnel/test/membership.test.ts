import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FlooredClock } from '../src/identity/clock.ts'
import { echo, linesOf, type MeshNode, SmallMesh, serving, textOf, until } from './small-mesh.ts'

const NO_TOKEN = 'can not join without a valid join token, will retry'
const REFUSED = 'the tunnel server refused this node, will retry'
const UNTRUSTED = 'the tunnel server is not one of the cluster, will retry'
const DAY_MS = 86_400_000

const clockOff = (byMs: number): FlooredClock => new FlooredClock(() => Date.now() + byMs)

async function said(node: MeshNode, message: string) {
  await until(() => linesOf(node.deps, message).length > 0, `${node.name} says: ${message}`)
  return linesOf(node.deps, message)[0]?.fields ?? {}
}

function serialOf({ deps }: MeshNode): number {
  return (deps.status.read('tunnel') as { trustSerial: number }).trustSerial
}

describe('a node that enrols', () => {
  it('needs no token any more once it is a member, nor after a restart of the server', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const first = await (await mesh.node('edge-1')).ready()
    await first[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await mesh.server()

    const again = await mesh.node('edge-1', { joinTokenFile: join(mesh.directory, 'none') })
    await again.ready()
    expect(linesOf(again.deps, 'enrolled')).toEqual([])
  })

  it('waits for a join token that is not there yet', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const joinTokenFile = join(mesh.directory, 'later')
    const node = await mesh.node('edge-1', { joinTokenFile })
    expect(await said(node, NO_TOKEN)).toMatchObject({
      error: { message: expect.stringContaining('is missing') },
    })
    expect(node.isReady).toBe(false)

    await copyFile(mesh.joinTokenFile, joinTokenFile)
    await node.ready()
  })

  it('passes over tokens that are not for it, and says why each when there is no other', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const keys = await mesh.keys()
    const other = keys.createToken({ uses: 'multi', node: 'edge-9' as MeshNode['name'] })
    const joinTokenFile = await mesh.tokenFile('# mine', `edgeway1.12D3Koo.${'A'.repeat(43)}`, other.text)
    const node = await mesh.node('edge-1', { joinTokenFile })
    expect(await said(node, NO_TOKEN)).toMatchObject({
      reason: 'wrong-token',
      error: {
        message: expect.stringMatching(
          /line 2: .*older version.*line 3: the token is for node edge-9, and this/,
        ),
      },
    })

    await writeFile(joinTokenFile, other.text)
    await until(() => linesOf(node.deps, NO_TOKEN).length === 2, 'another reason')
    expect(linesOf(node.deps, NO_TOKEN)[1]).toMatchObject({ fields: { reason: 'token-for-another-node' } })

    const own = keys.createToken({ uses: 'single', validSeconds: 60 })
    await writeFile(joinTokenFile, [other.text, own.text].join('\n'))
    await node.ready()
    const told = 'the server told of a peer that is not believed'
    expect(linesOf(node.deps, told)).toEqual([])
    const logged = JSON.stringify(node.deps.logger.lines)
    expect(logged).not.toContain(own.text)
  })

  it('tries the next token when the server does not take one', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const keys = await mesh.keys()
    const spent = keys.createToken({ uses: 'single', validSeconds: 60 })
    const first = await mesh.node('edge-1', { joinTokenFile: await mesh.tokenFile(spent.text) })
    await first.ready()
    const joinTokenFile = await mesh.tokenFile(spent.text)
    const second = await mesh.node('edge-2', { joinTokenFile })
    expect(await said(second, REFUSED)).toMatchObject({ reason: 'token-spent' })
    expect(
      second.deps.metrics.value('edgeway_tunnel_refusals_total', { by: 'server', reason: 'token-spent' }),
    ).toBeGreaterThan(0)

    await writeFile(joinTokenFile, [spent.text, keys.createToken({ uses: 'multi' }).text].join('\n'))
    await second.ready()
  })

  it('shows its token to no server of another cluster', async () => {
    await using mesh = await SmallMesh.create()
    await using other = await SmallMesh.create()
    const { deps } = await mesh.server()
    await other.server()
    const node = await mesh.node('edge-1', { joinTokenFile: other.joinTokenFile })

    expect(await said(node, UNTRUSTED)).toMatchObject({ reason: 'wrong-cluster' })
    expect(
      node.deps.metrics.value('edgeway_tunnel_refused_servers_total', { reason: 'wrong-cluster' }),
    ).toBeGreaterThan(0)
    const distrusted = 'a node does not trust this server: is its join token of another cluster?'
    await until(() => linesOf(deps, distrusted).length === 1, 'what the server knows of it')
    const token = (await readFile(other.joinTokenFile, 'utf8')).trim()
    expect(JSON.stringify([...deps.logger.lines, ...node.deps.logger.lines])).not.toContain(token)
  })

  it('says what to do when it is a member of another cluster than the servers are', async () => {
    await using mesh = await SmallMesh.create()
    await using other = await SmallMesh.create()
    await mesh.server()
    await other.server()
    const before = await (await mesh.node('edge-1')).ready()
    await before[Symbol.asyncDispose]()
    const { joinTokenFile, serverAddress } = other
    const node = await mesh.node('edge-1', { joinTokenFile, servers: [serverAddress] })

    expect(
      await said(node, 'the join token is of another cluster than this node; it stays where it is'),
    ).toMatchObject({
      error: { message: expect.stringContaining('to move it, delete identity.json and peers.json') },
    })
    await until(() => linesOf(node.deps, REFUSED).length + linesOf(node.deps, UNTRUSTED).length > 0, 'why')
  })
})

describe('a node that is a member', () => {
  it('starts without any server, and finds the others by what it has stored', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const options = { announceAddresses: 'auto' as const, joinTokenFile: mesh.joinTokenFile }
    const one = await (await mesh.node('edge-1', options)).ready()
    const two = await (await mesh.node('edge-2', { ...options, listenPort: 0 })).ready()
    await one.knows(1)
    await server[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
    const again = await mesh.node('edge-1', { joinTokenFile: join(mesh.directory, 'none') })
    two.tunnel.serve(serving(echo))

    const { stream, path } = await again.dial('edge-2')
    stream.end('offline')
    expect(await textOf(stream)).toBe('offline')
    expect(path).not.toBe('relayed')
  })

  it('shows its certificate to a node that does not know it', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const one = await (await mesh.node('edge-1', { announceAddresses: 'auto' })).ready()
    const two = await (await mesh.node('edge-2')).ready()
    await two.knows(1)
    const [, port] = /tcp\/(\d+)/.exec(one.address) ?? []
    await server[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
    await rm(join(mesh.directory, 'edge-1', 'peers.json'), { force: true })
    const forgetful = await mesh.node('edge-1', { listenPort: Number(port) })
    const handler = serving(echo)
    forgetful.tunnel.serve(handler)
    expect(forgetful.deps.metrics.value('edgeway_tunnel_peers')).toBe(0)

    const { stream } = await two.dial('edge-1')
    stream.end('it is me')
    expect(await textOf(stream)).toBe('it is me')
    expect(handler.requests[0]?.from).toBe('edge-2')
  })

  it('follows the cluster to new keys, also when it slept meanwhile', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const node = await (await mesh.node('edge-1')).ready()
    await node[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    const keys = await mesh.keys()
    await keys.rotate()
    await mesh.server()
    const rotated = await mesh.node('edge-1', { joinTokenFile: join(mesh.directory, 'none') })
    await rotated.ready()
    await rotated[Symbol.asyncDispose]()
  })

  it('needs a new token when the key that signed its certificate is gone', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const node = await (await mesh.node('edge-1')).ready()
    await node[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    const keys = await mesh.keys()
    await keys.rotate()
    await keys.retire()
    await rm(mesh.joinTokenFile)
    await mesh.server()
    const joinTokenFile = join(mesh.directory, 'later')
    const late = await mesh.node('edge-1', { joinTokenFile })
    expect(await said(late, NO_TOKEN)).toMatchObject({
      error: { message: expect.stringMatching(/no key of this cluster.*needs a join token.*is missing/) },
    })

    await copyFile(mesh.joinTokenFile, joinTokenFile)
    await late.ready()
  })

  it('goes back to no key that was retired, whatever its old token says', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const stolen = join(mesh.directory, 'stolen.json')
    const joinTokenFile = join(mesh.directory, 'old-token')
    await copyFile(mesh.clusterFile, stolen)
    await copyFile(mesh.joinTokenFile, joinTokenFile)
    const node = await (await mesh.node('edge-1', { joinTokenFile })).ready()
    const keys = await mesh.keys()
    await keys.rotate()
    await keys.retire()
    await until(() => serialOf(node) === keys.trust.serial, 'the end of the old key')
    await server[Symbol.asyncDispose]()
    const { deps } = await mesh.server({ clusterFile: stolen, keyFile: join(mesh.directory, 'thief') })

    const thief = 'a node does not trust this server: is its join token of another cluster?'
    await until(() => linesOf(deps, thief).length > 0, 'that the thief is not believed')
    expect(linesOf(deps, 'admitted a node')).toEqual([])
  })

  it('joins a server that has another key by now', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    const node = await (await mesh.node('edge-1')).ready()
    await server[Symbol.asyncDispose]()
    await until(() => !node.isReady, 'the loss is noticed')
    await mesh.server({ keyFile: join(mesh.directory, 'other-key') })

    await node.ready()
  })

  it.each([
    ['ten minutes behind', -600_000],
    ['ten minutes ahead', 600_000],
    ['years behind', -2_000 * DAY_MS],
    ['a day ahead', DAY_MS],
  ])('joins and is called with a clock that is %s', async (_what, byMs) => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const off = await (await mesh.node('edge-1', { clock: clockOff(byMs) })).ready()
    const right = await (await mesh.node('edge-2')).ready()
    off.tunnel.serve(serving(echo))
    right.tunnel.serve(serving(echo))
    for (const [from, to] of [[off, right] as const, [right, off] as const]) {
      const { stream } = await (await from.knows(1)).dial(to.name)
      stream.end('on time')
      expect(await textOf(stream)).toBe('on time')
    }
  })

  it('says that a clock is wrong when it is ahead by more than certificates last', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const node = await mesh.node('edge-1', { clock: clockOff(100 * DAY_MS) })
    await until(
      () => !node.isReady && node.deps.logger.lines.some(({ level }) => level === 'error'),
      'an error',
    )

    const [line] = node.deps.logger.lines.filter(({ level }) => level === 'error')
    expect(line?.fields['error']).toMatchObject({
      message: expect.stringMatching(/ended at .*, and it is .* here/),
    })
  })

  it('renews its certificate when two thirds of its life are over', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const node = await (await mesh.node('edge-1')).ready()
    await node[Symbol.asyncDispose]()
    const joinTokenFile = join(mesh.directory, 'none')
    const late = await mesh.node('edge-1', { joinTokenFile, clock: clockOff(25 * DAY_MS) })
    await late.ready()

    expect(linesOf(late.deps, 'renewed the certificate').length).toBeGreaterThan(0)
    expect(linesOf(node.deps, 'renewed the certificate')).toEqual([])
  })
})

describe('what a node has stored', () => {
  it('of another node is refused at start, with what to delete', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const node = await (await mesh.node('edge-1')).ready()
    await node[Symbol.asyncDispose]()

    const dataDir = join(mesh.directory, 'edge-1')
    const keyFile = join(mesh.directory, 'edge-1-key')
    await expect(mesh.node('edge-2', { dataDir, keyFile })).rejects.toMatchObject({
      reason: 'key-in-use',
      message: expect.stringMatching(/is that of node edge-1, and this is node edge-2: .*delete that file/),
    })
  })

  it('that is broken is refused at start, and left alone', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const node = await (await mesh.node('edge-1')).ready()
    await node[Symbol.asyncDispose]()
    const file = join(mesh.directory, 'edge-1', 'identity.json')
    await writeFile(file, '{"version":1,"epoch":"yesterday"}')

    await expect(mesh.node('edge-1')).rejects.toMatchObject({
      reason: 'broken',
      message: expect.stringMatching(/field epoch is not an integer.*delete it to enrol anew/),
    })
    expect(await readFile(file, 'utf8')).toBe('{"version":1,"epoch":"yesterday"}')
  })

  it('of other nodes is passed over where it was tampered with, and kept aside where it can not be read', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const one = await (await mesh.node('edge-1')).ready()
    await (await mesh.node('edge-2')).ready()
    await (await mesh.node('edge-3')).ready()
    await one.knows(2)
    await one[Symbol.asyncDispose]()
    const file = join(mesh.directory, 'edge-1', 'peers.json')
    const stored = JSON.parse(await readFile(file, 'utf8'))
    const [body, signature] = stored.peers[0].record.split('.')
    const forged = Buffer.from(body, 'base64url')
      .toString()
      .replace('"lan":[]', '"lan":["/ip4/9.9.9.9/tcp/1"]')
    stored.peers[0].record = `${Buffer.from(forged).toString('base64url')}.${signature}`
    await writeFile(file, JSON.stringify(stored))
    const again = await mesh.node('edge-1', { servers: ['127.0.0.1:1'] })
    expect(linesOf(again.deps, 'knows peers from before')).toMatchObject([
      { fields: { peers: 1, refused: 1 } },
    ])
    await again[Symbol.asyncDispose]()

    await writeFile(file, 'half a fi')
    const last = await mesh.node('edge-1', { servers: ['127.0.0.1:1'] })
    expect(
      linesOf(last.deps, 'the stored peers can not be read; this node starts without them'),
    ).toHaveLength(1)
    expect(await readFile(`${file}.broken`, 'utf8')).toBe('half a fi')
  })

  it('tells two processes with one key of each other', async () => {
    await using mesh = await SmallMesh.create()
    await mesh.server()
    const one = await (await mesh.node('edge-1')).ready()
    const dataDir = join(mesh.directory, 'copy')
    await copyFile(join(mesh.directory, 'edge-1-key'), join(mesh.directory, 'copied-key'))
    const copy = await mesh.node('edge-1', { dataDir, keyFile: join(mesh.directory, 'copied-key') })

    expect(await said(copy, REFUSED)).toMatchObject({ reason: 'key-in-use' })
    await until(
      () => one.deps.logger.lines.some(({ fields }) => fields?.['reason'] === 'key-in-use'),
      'the first one is told',
    )
    expect(one.isReady).toBe(true)
  })
})
