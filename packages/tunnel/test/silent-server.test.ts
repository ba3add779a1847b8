import { writeFile } from 'node:fs/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { type Host, startServerHost } from '../src/host/host.ts'
import { formatJoinToken } from '../src/identity/former-join-token.ts'
import { HOP_PROTOCOL } from '../src/protocol/circuit.ts'
import { encodeWelcome, REGISTRY_PROTOCOL } from '../src/protocol/registry.ts'
import { linesOf, SmallMesh, until } from './small-mesh.ts'

/** A tunnel server that goes no further than the test says: counts the joins and reservations that it was asked for. */
class SilentServer implements AsyncDisposable {
  joins = 0
  reservations = 0
  readonly #host: Host
  readonly #joinTokenFile: string

  private constructor(host: Host, joinTokenFile: string) {
    this.#host = host
    this.#joinTokenFile = joinTokenFile
  }

  static async start(mesh: SmallMesh, answerJoin: (stream: Stream) => void): Promise<SilentServer> {
    const key = await generateKeyPair('Ed25519')
    const prepare = async ({ node }: Host): Promise<void> => {
      await node.handle(REGISTRY_PROTOCOL, (stream) => {
        server.joins++
        stream.addEventListener('message', () => {})
        answerJoin(stream)
      })
      await node.handle(HOP_PROTOCOL, () => void server.reservations++)
    }
    const host = await startServerHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {}, prepare })
    const joinTokenFile = `${mesh.directory}/silent-token`
    const serverPeerId = key.publicKey.toString()
    await writeFile(joinTokenFile, formatJoinToken({ serverPeerId, secret: 'A'.repeat(43) }))
    const server = new SilentServer(host, joinTokenFile)
    return server
  }

  /** Options of a node that shall join it. */
  get options(): { servers: string[]; joinTokenFile: string } {
    const [, port] = this.#host.listenAddresses()[0]?.getComponents() ?? []
    return { servers: [`127.0.0.1:${port?.value}`], joinTokenFile: this.#joinTokenFile }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.stop()
  }
}

const stay = (): void => {}
const welcome = (stream: Stream): void => void stream.send(encodeWelcome([]))

it.each([
  ['a welcome', stay, (server: SilentServer) => server.joins],
  ['a reservation', welcome, (server: SilentServer) => server.reservations],
])('a node gives up waiting for %s, and tries again', async (_what, answerJoin, asked) => {
  await using mesh = await SmallMesh.create()
  await using server = await SilentServer.start(mesh, answerJoin)
  const node = await mesh.node('edge-1', { ...server.options, joinTimeoutMs: 100 })

  // In less time than libp2p would wait by itself: 5 s each time.
  await until(() => asked(server) > 3, 'it was asked again and again')
  const lines = linesOf(node.deps, 'no session with the tunnel server, will retry')
  expect(lines).toContainEqual(
    expect.objectContaining({
      fields: expect.objectContaining({ error: expect.objectContaining({ name: 'TimeoutError' }) }),
    }),
  )
})

it.each([
  ['a welcome', stay, (server: SilentServer) => server.joins],
  ['a reservation', welcome, (server: SilentServer) => server.reservations],
])('a node that waits for %s stops without a word of trouble', async (_what, answerJoin, asked) => {
  await using mesh = await SmallMesh.create()
  await using server = await SilentServer.start(mesh, answerJoin)
  const node = await mesh.node('edge-1', { ...server.options, joinTimeoutMs: 60_000 })
  await until(() => asked(server) > 0, 'it was asked')
  await node.tunnel[Symbol.asyncDispose]()

  expect(node.deps.logger.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
})
