import { copyFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { ServerLinkStatus } from '../../src/server/registry/server-link.ts'
import { linesOf, ServerMesh, type TestServer, until } from './server-mesh.ts'
import { TestAgent } from './test-agent.ts'

interface Status {
  readonly membersKnown: number
  readonly bundleSerial: number
  readonly revocations: number
  readonly links: readonly ServerLinkStatus[]
}

function statusOf({ deps }: TestServer): Status {
  return deps.status.read('tunnel') as Status
}

function linksOf({ deps }: TestServer): number {
  return deps.metrics.value('edgeway_tunnel_server_links')
}

/** Forwards connections to a server until it is cut. */
class Cable implements AsyncDisposable {
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  isCut = false

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket))
      }
      if (this.isCut) near.destroy()
      near.pipe(far).pipe(near)
    })
  }

  static async to({ server }: TestServer): Promise<Cable> {
    const cable = new Cable(server.port)
    await new Promise<void>((resolve) => cable.#server.listen(0, '127.0.0.1', resolve))
    return cable
  }

  get address(): string {
    const address = this.#server.address()
    return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  cut(): void {
    this.isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  heal(): void {
    this.isCut = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

describe('tunnel servers', () => {
  it('link with each other, and each tells its agents of those of all others', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const two = await mesh.sibling('two', one, { peers: [one.address] })
    const three = await mesh.sibling('three', one, { peers: [one.address, two.address] })
    await until(() => [one, two, three].every((server) => linksOf(server) === 2), 'all links')
    const token = await mesh.standingToken(one)
    await using first = await TestAgent.create('edge-1')
    await using second = await TestAgent.create('edge-2')
    await first.appear(two, token)
    const session = await second.appear(three, token)

    await until(() => session.hasHeardOf(first.said), 'the other agent')
    await until(() => statusOf(one).membersKnown === 5, 'all at the server in between')
  })

  it('keep one of two links to each other, and none to themselves', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const two = await mesh.sibling('two', one, { peers: [one.address] })
    await one.server[Symbol.asyncDispose]()
    const again = await mesh.server('one', { peers: [two.address, one.address] })
    await until(() => statusOf(again).links.some(({ state }) => state === 'self'), 'its own address')
    await until(() => {
      const states = [again, two].flatMap((server) => statusOf(server).links.map(({ state }) => state))
      return states.toSorted().join() === 'linked,linked-otherwise,self'
    }, 'one link')

    expect([linksOf(again), linksOf(two)]).toEqual([1, 1])
  })

  it('take no server of another cluster, and say why', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const foreign = await mesh.server('foreign', { peers: [one.address] })
    await until(() => statusOf(foreign).links[0]?.trouble !== undefined, 'an attempt')

    expect(statusOf(foreign).links).toMatchObject([
      { state: 'down', trouble: expect.stringMatching(/wrong-cluster/) },
    ])
    expect(linesOf(foreign, 'no link with a tunnel server, will retry')).toHaveLength(1)
    expect(linesOf(one, 'refused a session')[0]).toMatchObject({ fields: { reason: 'wrong-cluster' } })
  })

  it('go on alone when they are cut off from each other, and know all again afterwards', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    await using cable = await Cable.to(one)
    const two = await mesh.sibling('two', one, { peers: [cable.address] })
    await until(() => linksOf(two) === 1, 'the link')
    const token = await mesh.standingToken(one)
    cable.cut()
    await until(() => linksOf(one) + linksOf(two) === 0, 'the cut')

    await using first = await TestAgent.create('edge-1')
    await using second = await TestAgent.create('edge-2')
    const here = await first.appear(one, token)
    const there = await second.appear(two, token)
    await (await mesh.keys(one)).revoke({ kind: 'node', value: 'edge-7' })
    await (await mesh.keys(two)).revoke({ kind: 'node', value: 'edge-8' })
    await until(() => here.has('bundle') && there.has('bundle'), 'both revocations')
    cable.heal()

    await until(() => here.hasHeardOf(second.said), 'the agent there')
    await until(() => there.hasHeardOf(first.said), 'the agent here')
    await until(() => [one, two].every((server) => statusOf(server).revocations === 2), 'both revocations')
    await until(() => statusOf(one).bundleSerial === statusOf(two).bundleSerial, 'one bundle')
  })

  it('end the sessions of a node that was revoked at another one', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const two = await mesh.sibling('two', one, { peers: [one.address] })
    await until(() => linksOf(one) === 1, 'the link')
    await using agent = await TestAgent.create('edge-1')
    const session = await agent.appear(two, await mesh.standingToken(two))
    await (await mesh.keys(one)).revoke({ kind: 'peer', value: agent.peerId })

    expect(await session.first('refused')).toMatchObject({ reason: 'revoked' })
    await session.ended()
  })

  it('say what is to be done about a new key that they lack, and go on with it when it is there', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const two = await mesh.sibling('two', one, { peers: [one.address] })
    await until(() => linksOf(one) === 1, 'the link')
    const keys = await mesh.keys(one)
    await keys.rotate()
    const lacks =
      'the cluster has a new key that this server lacks: copy cluster.json from the server where it was made, before the older key is retired'
    await until(() => linesOf(two, lacks).length > 0, 'what to do')
    await keys.retire()
    await until(() => linksOf(one) === 0, 'the end of the link')
    expect(linesOf(two, lacks)).toHaveLength(1)

    await copyFile(mesh.file('one', 'cluster.json'), mesh.file('two', 'cluster.json'))
    await until(() => linksOf(one) === 1 && linksOf(two) === 1, 'the link again')
    expect(linesOf(two, 'the key that signs for the cluster is here now')).toHaveLength(1)
  })

  it('revoke the later one of two keys that came by one token at two of them', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    await using cable = await Cable.to(one)
    const two = await mesh.sibling('two', one, { peers: [cable.address] })
    cable.cut()
    await until(() => linksOf(two) === 0, 'the cut')
    const token = await mesh.token(one, { uses: 'single', validSeconds: 3_600 })
    await using first = await TestAgent.create('edge-1')
    await using second = await TestAgent.create('edge-2')
    const sessions = [await first.appear(one, token), await second.appear(two, token)]
    await until(() => statusOf(one).membersKnown + statusOf(two).membersKnown >= 4, 'both records')
    cable.heal()

    const message = 'a single-use join token was used by two keys: the later one is revoked'
    await until(() => [one, two].some((server) => linesOf(server, message).length > 0), 'the discovery')
    await until(() => sessions.filter(({ isOpen }) => isOpen).length === 1, 'one of them out')
    const [line] = [one, two].flatMap((server) => linesOf(server, message))
    const out = sessions[0]?.isOpen === true ? second : first
    expect(line).toMatchObject({ level: 'error', fields: { revokedPeer: out.peerId } })
  })

  it('go on when the key of one of them was rotated and retired, though it can sign nothing more', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const two = await mesh.sibling('two', one, { peers: [one.address] })
    await until(() => linksOf(one) === 1, 'the link')
    const keys = await mesh.keys(one)
    await keys.rotate()
    await keys.retire()

    await until(() => statusOf(two).bundleSerial === keys.trust.serial, 'the new key')
    const message = 'this server can not renew its own certificate: agents will not believe it'
    expect(linesOf(two, message)[0]).toMatchObject({
      fields: { error: { message: expect.stringMatching(/copy it from a server where it was rotated/) } },
    })
  })

  it('find a key that is in use at two of them', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const two = await mesh.sibling('two', one, { peers: [one.address] })
    await until(() => linksOf(one) === 1, 'the link')
    await using original = await TestAgent.create('edge-1')
    const session = await original.appear(one, await mesh.standingToken(one))
    await using clone = await TestAgent.create('edge-1', original.key)
    clone.certificate = original.certificate
    const other = await clone.join(two)
    other.send({ type: 'records', records: [clone.record({ epoch: 2_000 }).wire] })

    expect(await session.first('notice')).toMatchObject({ reason: 'key-in-use' })
    expect(linesOf(one, 'a key is in use twice')).toHaveLength(1)
  })

  it('give no name away whose node is connected to another one', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const two = await mesh.sibling('two', one, { peers: [one.address] })
    await until(() => linksOf(one) === 1, 'the link')
    const token = await mesh.standingToken(one)
    await using holder = await TestAgent.create('edge-1')
    await using rival = await TestAgent.create('edge-1')
    await using watcher = await TestAgent.create('edge-2')
    const watching = await watcher.appear(two, token)
    const session = await holder.appear(one, token)
    await until(() => watching.hasHeardOf(holder.said), 'the holder at the other server')

    expect(await rival.enrol(two, token)).toMatchObject({ reason: 'node-name-taken' })
    session.connection.abort(new Error('the node goes'))
    await until(() => linesOf(one, 'node left').length === 1, 'the end')
    expect(await rival.enrol(two, token)).toMatchObject({ reason: 'node-name-taken' })
  })
})
