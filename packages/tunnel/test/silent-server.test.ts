import type { NodeName } from '@edgeway/core'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { type Host, startServerHost } from '../src/host/host.ts'
import { HOP_PROTOCOL } from '../src/protocol/circuit.ts'
import { ENROLMENT_PROTOCOL } from '../src/protocol/enrolment.ts'
import { encodeRegistryMessage, REGISTRY_PROTOCOL } from '../src/protocol/registry.ts'
import { linesOf, SmallMesh, until } from './small-mesh.ts'

/** A tunnel server of the mesh's cluster that goes no further than the test says, and counts what it was asked for. */
class SilentServer implements AsyncDisposable {
  asked = 0
  readonly #host: Host

  private constructor(host: Host) {
    this.#host = host
  }

  static async start(mesh: SmallMesh, answers: 'nothing' | 'hello'): Promise<SilentServer> {
    const keys = await mesh.keys()
    const key = await generateKeyPair('Ed25519')
    const peerId = key.publicKey.toString()
    const node = 'cloud-1' as NodeName
    const certificate = keys.issue({ node, peerId, role: 'server', labels: {} }, 3_600)
    const bundleSerial = keys.trust.serial
    const listen = (stream: Stream): void => {
      stream.addEventListener('message', () => {})
      if (answers === 'nothing') server.asked++
    }
    const prepare = async ({ node: host }: Host): Promise<void> => {
      await host.handle(ENROLMENT_PROTOCOL, listen)
      await host.handle(REGISTRY_PROTOCOL, (stream) => {
        listen(stream)
        if (answers === 'nothing') return
        const welcome = {
          type: 'welcome',
          certificate,
          bundleSerial,
          observed: '127.0.0.1',
          agents: 1,
          reflectorPorts: [],
          instance: 'silent',
        } as const
        stream.send(encodeRegistryMessage(welcome))
      })
      await host.handle(HOP_PROTOCOL, () => void server.asked++)
    }
    const host = await startServerHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {}, prepare })
    const server = new SilentServer(host)
    return server
  }

  get address(): string {
    const [, port] = this.#host.listenAddresses()[0]?.getComponents() ?? []
    return `127.0.0.1:${port?.value}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.stop()
  }
}

/** A node that is a member, or one that has to enrol first. */
async function meshWith(member: 'edge-1' | undefined): Promise<SmallMesh> {
  const mesh = await SmallMesh.create()
  const { server } = await mesh.server()
  if (member !== undefined) {
    const node = await (await mesh.node(member)).ready()
    await node[Symbol.asyncDispose]()
  }
  await server[Symbol.asyncDispose]()
  return mesh
}

const CASES = [
  ['to be enrolled', undefined, 'nothing'],
  ['a welcome', 'edge-1', 'nothing'],
  ['a reservation', 'edge-1', 'hello'],
] as const

it.each(CASES)('a node gives up waiting for %s, and tries again', async (_what, member, answers) => {
  await using mesh = await meshWith(member)
  await using server = await SilentServer.start(mesh, answers)
  const node = await mesh.node('edge-1', { servers: [server.address], joinTimeoutMs: 300 })

  // In less time than libp2p would wait by itself: 5 s each time.
  await until(() => server.asked > 3, 'it was asked again and again')
  const lines = linesOf(node.deps, 'no session with the tunnel server, will retry')
  expect(lines).toContainEqual(
    expect.objectContaining({
      fields: expect.objectContaining({ error: expect.objectContaining({ name: 'TimeoutError' }) }),
    }),
  )
})

it.each(CASES)('a node that waits for %s stops without a word of trouble', async (_what, member, answers) => {
  await using mesh = await meshWith(member)
  await using server = await SilentServer.start(mesh, answers)
  const node = await mesh.node('edge-1', { servers: [server.address], joinTimeoutMs: 60_000 })
  await until(() => server.asked > 0, 'it was asked')
  await node.tunnel[Symbol.asyncDispose]()

  expect(node.deps.logger.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
})
