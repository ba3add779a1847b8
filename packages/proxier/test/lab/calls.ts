import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Answer, Outcome, Target } from './station-protocol.ts'

/** How many source ports a process takes in turn. */
const PORTS = 22_000
const ANSWER_TIMEOUT_MS = 3_000

/** Calls once; an error is an Outcome. */
export async function call(target: Target): Promise<Outcome> {
  try {
    return target.protocol === 'TCP' ? await callTcp(target) : await callUdp(target)
  } catch (error) {
    const { name, code } = error as NodeJS.ErrnoException
    return { error: name === 'AbortError' ? 'timeout' : (code ?? String(error)) }
  }
}

/** A connection with the Answer that it began with. */
export async function connectTo({
  ip,
  port,
  sourceIp,
  sourcePort,
}: Target): Promise<{ socket: Socket; answer: Answer }> {
  const socket = connect({
    host: ip,
    port,
    noDelay: true,
    ...(sourceIp === undefined ? {} : { localAddress: sourceIp }),
    ...(sourcePort === undefined ? {} : { localPort: sourcePort }),
  })
  try {
    const [chunk] = await once(socket, 'data', { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
    return { socket, answer: JSON.parse(String(chunk)) }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Ends with a reset, so that the source port is free again at once. */
async function callTcp(target: Target): Promise<Answer> {
  const { socket, answer } = await connectTo(target)
  socket.resetAndDestroy()
  return answer
}

let lastPort = 0

/**
 * A datagram from a port that was used a moment ago would go the way of the one before. Processes of one namespace have
 * different groups, and ports.
 */
function unusedPort(): number {
  lastPort = (lastPort + 1) % PORTS
  return lastPort + (process.getegid?.() === 0 ? 16_000 : 16_000 + PORTS)
}

/** Only a connected socket is told that its datagram was refused. */
async function callUdp({ ip, port, sourceIp, sourcePort = unusedPort() }: Target): Promise<Answer> {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4')
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
  try {
    socket.bind(sourceIp === undefined ? { port: sourcePort } : { port: sourcePort, address: sourceIp })
    await once(socket, 'listening', { signal })
    socket.connect(port, ip)
    await once(socket, 'connect', { signal })
    const answered = once(socket, 'message', { signal })
    socket.send('who?')
    const [message] = await answered
    return JSON.parse(String(message))
  } finally {
    socket.close()
  }
}
