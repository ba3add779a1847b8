import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { ListenerAddress } from '@edgeway/core'

const PATIENCE_MS = 2_000

/** Asks there by a connected socket, as a resolver does: what was answered, the error's code, or that nothing came. */
export async function callUdp({ ip, port }: ListenerAddress): Promise<string> {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4')
  try {
    socket.connect(port, ip)
    await once(socket, 'connect')
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const answered = once(socket, 'message', { signal })
    socket.send('question')
    const [answer] = await answered
    return String(answer)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return error.name === 'AbortError' ? 'nothing' : String(Reflect.get(error, 'code'))
  } finally {
    socket.close()
  }
}
