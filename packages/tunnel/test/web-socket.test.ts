import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { makeCertificate } from '@edgeway/testbed'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startAgentHost } from '../src/host/host.ts'
import { echo, linesOf, type MeshNode, SmallMesh, serving, textOf } from './small-mesh.ts'
import { never } from './stranger.ts'

const KEEPS_OPEN = 60_000

afterEach(() => void vi.useRealTimers())

/** Files with a certificate that no authority has signed. */
async function certificateIn(mesh: SmallMesh) {
  const paths = { certificateFile: `${mesh.directory}/tls.crt`, keyFile: `${mesh.directory}/tls.key` }
  const write = async (): Promise<void> => {
    const { certificate, key } = await makeCertificate(['elsewhere.example'])
    await Promise.all([writeFile(paths.certificateFile, certificate), writeFile(paths.keyFile, key)])
  }
  await write()
  return { ...paths, write }
}

async function serve(...nodes: readonly MeshNode[]): Promise<void> {
  for (const node of nodes) {
    await (await node.ready()).knows(nodes.length - 1)
    node.tunnel.serve(serving(echo))
  }
}

async function sayHello(from: MeshNode, to: string): Promise<[string, string]> {
  const { path, stream } = await from.dial(to)
  stream.end('hello')
  return [path, await textOf(stream)]
}

describe('a tunnel server that takes WebSockets', () => {
  it('lets a node join by one, and relays flows between it and a node that came by TCP', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server({ webSocket: { listenPort: 0 } })
    const one = await mesh.node('edge-1', { servers: [`ws://127.0.0.1:${server.webSocketPort}`] })
    const two = await mesh.node('edge-2')
    await serve(one, two)

    expect(await sayHello(one, 'edge-2')).toEqual(['relayed', 'hello'])
    expect(await sayHello(two, 'edge-1')).toEqual(['relayed', 'hello'])
  })

  it('lets nodes join over TLS by whatever certificate: its own key proves who it is', async () => {
    await using mesh = await SmallMesh.create()
    const { write: _, ...files } = await certificateIn(mesh)
    const { server } = await mesh.server({ webSocket: { listenPort: 0, ...files } })
    const servers = [`wss://localhost:${server.webSocketPort}`]
    const one = await mesh.node('edge-1', { servers })
    const two = await mesh.node('edge-2', { servers })
    await serve(one, two)

    expect(await sayHello(one, 'edge-2')).toEqual(['relayed', 'hello'])
  })

  it('carries bulk both ways at once through WebSockets', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server({ webSocket: { listenPort: 0 } })
    const servers = [`ws://127.0.0.1:${server.webSocketPort}`]
    const one = await mesh.node('edge-1', { servers })
    const two = await mesh.node('edge-2', { servers })
    await serve(one, two)
    const sent = Buffer.from(Array.from({ length: 4 * 1024 * 1024 }, (_, index) => index % 251))

    const { stream } = await one.dial('edge-2')
    stream.end(sent)
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(sent)).toBe(true)
  })

  it('shows the new certificate when its files have changed, and the former one while they are broken', async () => {
    await using mesh = await SmallMesh.create()
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const { write, ...files } = await certificateIn(mesh)
    const { server, deps } = await mesh.server({ webSocket: { listenPort: 0, ...files } })
    const first = await fingerprintAt(server.webSocketPort)
    await writeFile(files.certificateFile, 'broken')
    await vi.advanceTimersByTimeAsync(10_000)
    const message = 'the WebSocket certificate can not be read anew, the former one is used'
    await vi.waitFor(() => expect(linesOf(deps, message)).toHaveLength(1), 10_000)
    expect(await fingerprintAt(server.webSocketPort)).toBe(first)

    await write()
    await vi.advanceTimersByTimeAsync(10_000)
    await vi.waitFor(async () => expect(await fingerprintAt(server.webSocketPort)).not.toBe(first), 10_000)
  })

  it.each([
    ['files that hold no certificate', { certificateFile: '/dev/null', keyFile: '/dev/null' }, /as PEM/],
    ['a file that is not there', { certificateFile: '/none', keyFile: '/none' }, /can not be read: .*\/none/],
    ['a certificate without a key', { certificateFile: '/none' }, /both or none/],
  ])('does not start with %s', async (_what, files, message) => {
    await using mesh = await SmallMesh.create()

    await expect(mesh.server({ webSocket: { listenPort: 0, ...files } })).rejects.toThrow(message)
  })

  it('stops although clients are connected that ask for nothing', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server({ webSocket: { listenPort: 0 } })
    const silent = connect(server.webSocketPort, '127.0.0.1')
    await once(silent, 'connect')
    const ended = once(silent.resume(), 'close')
    await server[Symbol.asyncDispose]()

    await ended
  })

  it('tells a web client what it is', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server({ webSocket: { listenPort: 0 } })
    const request = get({ port: server.webSocketPort, host: '127.0.0.1' })
    const [response] = await once(request, 'response')

    expect(response.statusCode).toBe(426)
    response.resume()
  })

  it('gives a stranger no reservation and no circuit, and closes its connection', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server({ webSocket: { listenPort: 0 }, admissionGraceMs: KEEPS_OPEN })
    const member = await (await mesh.node('edge-1')).ready()
    await using visitor = await webSocketHost()
    const address = `/ip4/127.0.0.1/tcp/${server.webSocketPort}/ws/p2p/${server.peerId}`
    const connection = await visitor.host.dial(multiaddr(address), never)

    await expect(visitor.host.reserve(connection.remotePeer)).rejects.toThrow(/PERMISSION_DENIED/)
    const circuit = multiaddr(`${address}/p2p-circuit/p2p/${member.tunnel.peerId}`)
    await expect(visitor.host.dial(circuit, never)).rejects.toThrow(/PERMISSION_DENIED/)
    const closed = new Promise((resolve) => connection.addEventListener('close', resolve))
    await server[Symbol.asyncDispose]()
    await closed
  })
})

describe('a dial by WebSocket', () => {
  it('fails where another peer answers, whatever its certificate', async () => {
    await using mesh = await SmallMesh.create()
    const { write: _, ...files } = await certificateIn(mesh)
    const { server } = await mesh.server({ webSocket: { listenPort: 0, ...files } })
    await using visitor = await webSocketHost()
    const { publicKey } = await generateKeyPair('Ed25519')
    const address = `/dns/localhost/tcp/${server.webSocketPort}/tls/ws/p2p/${publicKey}`

    await expect(visitor.host.dial(multiaddr(address), never)).rejects.toThrow(/does not match expected/)
  })

  it('says where it failed and why', async () => {
    await using visitor = await webSocketHost()

    await expect(visitor.host.dial(multiaddr('/ip4/127.0.0.1/tcp/1/ws'), never)).rejects.toThrow(
      /no WebSocket at ws:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/,
    )
  })

  it('ends with the reason of its signal while the other side stays silent', async () => {
    await using mesh = await SmallMesh.create()
    const { server } = await mesh.server()
    await using visitor = await webSocketHost()
    const giveUp = new AbortController()
    // TCP is taken there, and libp2p waits for what is no HTTP.
    const dialling = visitor.host.dial(multiaddr(`/ip4/127.0.0.1/tcp/${server.port}/tls/ws`), giveUp.signal)
    giveUp.abort(new Error('changed my mind'))

    await expect(dialling).rejects.toThrow('changed my mind')
  })
})

async function fingerprintAt(port: number): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

async function webSocketHost() {
  const key = await generateKeyPair('Ed25519')
  const where = { listenHost: '127.0.0.1', listenPort: 0, gater: {} }
  const host = await startAgentHost({ ...where, key, dialsWebSockets: true })
  return { host, [Symbol.asyncDispose]: async () => host.stop() }
}
