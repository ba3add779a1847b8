import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { listenForPeer } from './listen-for-peer.ts'
import type { OpenResult } from './open-result.ts'
import { openSimultaneously } from './simultaneous-open.ts'

const IP = '127.0.0.1'
const soon = (): AbortSignal => AbortSignal.timeout(300)
const never = new AbortController().signal

let open: Set<Server>
let before: number
beforeEach(() => {
  open = new Set()
  before = openSockets()
})
afterEach(async () => {
  for (const server of open) server.close()
  // No test leaves a socket or a listener.
  await vi.waitFor(() => expect(openSockets()).toBeLessThanOrEqual(before))
})

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length
}

async function listen(port = 0): Promise<{ server: Server; port: number; accepted: Socket[] }> {
  const accepted: Socket[] = []
  const server = createServer((socket) => accepted.push(socket.on('error', () => {})))
  open.add(server)
  server.listen(port, IP)
  await once(server, 'listening')
  return { server, accepted, port: (server.address() as AddressInfo).port }
}

async function freePort(): Promise<number> {
  const { server, port } = await listen()
  server.close()
  await once(server, 'close')
  return port
}

function socketOf(result: OpenResult): Socket {
  if (result.kind !== 'connected') throw new Error(`${result.kind} after ${result.attempts} attempts`)
  return result.socket
}

async function closed(socket: Socket): Promise<void> {
  await vi.waitFor(() => expect(socket.closed).toBe(true))
}

describe('the simultaneous open', () => {
  it('comes from the local port whose mapping was told', async () => {
    const { port, accepted } = await listen()
    const localPort = await freePort()
    const result = await openSimultaneously({ localPort, remote: { ip: IP, port }, rttMs: 1 }, never)

    const socket = socketOf(result)
    expect([socket.localPort, socket.remotePort, result.attempts]).toEqual([localPort, port, 1])
    await vi.waitFor(() => expect(accepted).toHaveLength(1))
    accepted[0]?.resetAndDestroy()
    await closed(socket)
  })

  it('goes on after refusals until the other side is there', async () => {
    const port = await freePort()
    const plan = { localPort: await freePort(), remote: { ip: IP, port }, rttMs: 1 }
    const opening = openSimultaneously(plan, never)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    const { accepted } = await listen(port)

    const result = await opening
    expect(result.attempts).toBeGreaterThan(1)
    socketOf(result).resetAndDestroy()
    await vi.waitFor(() => expect(accepted).toHaveLength(1))
  })

  it('ends as reset when all was refused, and as timeout when nothing was sent', async () => {
    const [port, localPort] = [await freePort(), await freePort()]
    const plan = { localPort, remote: { ip: IP, port }, rttMs: 1 }
    expect((await openSimultaneously(plan, soon())).kind).toBe('reset')
    expect((await openSimultaneously(plan, AbortSignal.abort())).kind).toBe('timeout')
  })

  it('never takes its own echo for the peer', async () => {
    const port = await freePort()
    const result = await openSimultaneously({ localPort: port, remote: { ip: IP, port }, rttMs: 1 }, soon())
    expect(result.kind).not.toBe('connected')
  })
})

describe('who listens for the peer', () => {
  it('takes the connection that comes from its address, and closes others', async () => {
    const plan = { localPort: await freePort(), remote: { ip: IP, port: await freePort() }, rttMs: 1 }
    const listening = listenForPeer(plan, never)
    const stranger = await connected(plan.localPort, '127.0.0.2')
    await closed(stranger)
    const peer = await connected(plan.localPort, IP)

    const socket = socketOf(await listening)
    expect(socket.remotePort).toBe(peer.localPort)
    socket.resetAndDestroy()
    await closed(peer)
  })

  it('gives up when the time is up, or the port is taken by somebody else', async () => {
    const remote = { ip: IP, port: await freePort() }
    expect(await listenForPeer({ localPort: await freePort(), remote, rttMs: 1 }, soon())).toMatchObject({
      kind: 'timeout',
    })
    const { port } = await listen()
    expect(await listenForPeer({ localPort: port, remote, rttMs: 1 }, never)).toMatchObject({
      kind: 'timeout',
    })
    expect(await listenForPeer({ localPort: port, remote, rttMs: 1 }, AbortSignal.abort())).toMatchObject({
      kind: 'timeout',
    })
  })

  it('may meet the peer by its knock', async () => {
    const { port, accepted } = await listen()
    const socket = socketOf(
      await listenForPeer({ localPort: await freePort(), remote: { ip: IP, port }, rttMs: 1 }, never),
    )
    await vi.waitFor(() => expect(accepted).toHaveLength(1))
    socket.resetAndDestroy()
    await vi.waitFor(() => expect(accepted[0]?.destroyed).toBe(true))
  })
})

/** Connects as soon as somebody listens; the socket may be reset by then. */
async function connected(port: number, localAddress: string): Promise<Socket> {
  for (;;) {
    const socket = connect({ port, host: IP, localAddress })
    const isThere = await new Promise((resolve) => {
      socket.on('connect', () => resolve(true))
      socket.on('error', (error) => resolve('code' in error && error.code !== 'ECONNREFUSED'))
    })
    if (isThere) return socket
    await new Promise((resolve) => setImmediate(resolve))
  }
}
