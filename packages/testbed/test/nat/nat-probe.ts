/**
 * A probe of NATs, as `CommandedProcess`: reflects what others' connections look like from outside, learns how its own
 * look, knocks at mapped ports and punches, all with plain sockets. `ProbeCommand` lists what it does.
 */
import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { answerCommands } from '../../src/lab/commanded-process.ts'
import type { KnockResult, MeetResult, ProbeCommand, Reflected, Socket } from './probe-commands.ts'

/** RFC 863; nobody listens there. */
const DISCARD = 9
const held = new Map<number, net.Socket[]>()
const listeners = new Map<number, net.Server>()
/** Ports of this probe's own; below those that the kernel gives out. */
let lastPort = 30_000 + Math.floor(Math.random() * 1_000)

answerCommands((command) => {
  const known = command as ProbeCommand
  switch (known.do) {
    case 'serve':
      return serve(known.ports)
    case 'reflect':
      return reflect(known)
    case 'reflect-udp':
      return reflectUdp(known.to)
    case 'listen':
      return listen(known.localPort)
    case 'knock':
      return knock(known.at, known.timeoutMs)
    case 'dial':
      return dial(known)
    case 'await':
      return awaitCall(known)
    case 'release':
      return release()
  }
})

/** TCP and UDP: tells each caller where it comes from; TCP stays open until the caller ends it. */
async function serve(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.write(JSON.stringify({ host: socket.remoteAddress, port: socket.remotePort }))
    })
    await once(server.listen(port, '0.0.0.0'), 'listening')
    const udp = dgram.createSocket('udp4')
    udp.on('message', (_, { address: host, port: from }) =>
      udp.send(JSON.stringify({ host, port: from }), from, host),
    )
    udp.bind(port)
    await once(udp, 'listening')
  }
}

/** One local port towards all of them; it stays mapped until `release`. */
async function reflect({
  to,
  localPort = nextPort(),
}: {
  to: readonly Socket[]
  localPort?: number
}): Promise<Reflected> {
  const seen: Socket[] = []
  for (const { host, port } of to) {
    const socket = net.connect({ host, port, localPort })
    hold(localPort, socket)
    const [text] = await once(socket, 'data')
    seen.push(JSON.parse(String(text)))
  }
  return { localPort, seen }
}

async function reflectUdp(to: readonly Socket[]): Promise<Reflected> {
  const localPort = nextPort()
  const socket = dgram.createSocket('udp4')
  const seen: Socket[] = []
  socket.bind(localPort)
  for (const { host, port } of to) {
    socket.send('?', port, host)
    const [text] = await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })
    seen.push(JSON.parse(String(text)))
  }
  socket.close()
  return { localPort, seen }
}

/** Lets callers of that port in and tells them where they seem to come from. */
async function listen(localPort: number): Promise<void> {
  const server = net.createServer((socket) => {
    hold(localPort, socket)
    socket.write(JSON.stringify({ host: socket.remoteAddress, port: socket.remotePort }))
  })
  listeners.set(localPort, server)
  await once(server.listen(localPort, '0.0.0.0'), 'listening')
}

function knock({ host, port }: Socket, timeoutMs: number): Promise<KnockResult> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port })
    const end = (result: KnockResult): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => end({ kind: 'silent' }), timeoutMs)
    socket.once('data', (text) => end({ kind: 'open', seenAs: JSON.parse(String(text)) }))
    socket.once('error', (error) => end({ kind: 'code' in error ? String(error.code) : error.message }))
  })
}

interface Meeting {
  readonly localPort: number
  readonly at: Socket
  readonly name: string
  readonly windowMs: number
}

/** Connects from that port, again at each refusal, until it is through or the time is up. */
async function dial({ localPort, at: { host, port }, name, windowMs }: Meeting): Promise<MeetResult> {
  const endsAt = performance.now() + windowMs
  let tries = 0
  while (performance.now() < endsAt) {
    tries += 1
    const socket = net.connect({ host, port, localPort })
    hold(localPort, socket)
    const peer = await greet(socket, name, endsAt - performance.now())
    if (peer !== undefined) return { peer, tries }
    await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 24))
  }
  return { tries }
}

/** Sends to that address once, so that filtering by address lets it in, and takes its call from whatever port. */
async function awaitCall({ localPort, at: { host }, name, windowMs }: Meeting): Promise<MeetResult> {
  // Not to the port that calls: the two SYNs would meet, and this one's connection is not wanted.
  const opener = net.connect({ host, port: DISCARD, localPort })
  opener.on('error', () => {})
  await new Promise((resolve) => setTimeout(resolve, 50))
  opener.destroy()
  const server = net.createServer()
  listeners.set(localPort, server)
  await once(server.listen(localPort, '0.0.0.0'), 'listening')
  try {
    const [socket]: net.Socket[] = await once(server, 'connection', { signal: AbortSignal.timeout(windowMs) })
    if (socket === undefined) return { tries: 1 }
    hold(localPort, socket)
    const peer = await greet(socket, name, windowMs)
    return peer === undefined ? { tries: 1 } : { peer, tries: 1 }
  } catch {
    // Nobody came in time.
    return { tries: 1 }
  }
}

/** Tells the other side a name and takes its. */
function greet(socket: net.Socket, name: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const fail = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(undefined)
    }
    const timer = setTimeout(fail, timeoutMs)
    socket.once('error', fail)
    socket.once('data', (text) => {
      clearTimeout(timer)
      resolve(String(text))
    })
    socket.write(name)
  })
}

/** Ends all connections and listeners by RST, so that nothing of them lingers. */
async function release(): Promise<void> {
  for (const server of listeners.values()) server.close()
  listeners.clear()
  for (const socket of [...held.values()].flat()) socket.resetAndDestroy()
  held.clear()
}

function hold(localPort: number, socket: net.Socket): void {
  socket.on('error', () => {})
  held.set(localPort, [...(held.get(localPort) ?? []), socket])
}

function nextPort(): number {
  lastPort += 1
  return lastPort
}
