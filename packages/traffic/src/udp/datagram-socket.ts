import { createSocket, type Socket } from 'node:dgram'
import { type EndpointAddress, ipFamilyOf, type ListenerAddress } from '@edgeway/core'
import { dialErrorOf } from '../dial/dial-error.ts'
import type { DropReason } from './datagram-counts.ts'

/** What waits in a socket's own queue once the kernel's buffer is full; beyond that datagrams are dropped. */
const MAX_SEND_QUEUE_BYTES = 256 * 1024
const MAX_SEND_QUEUE_DATAGRAMS = 1_024
/** Bursts of many clients; the kernel caps it at net.core.rmem_max. */
const LISTENER_RECEIVE_BYTES = 1024 * 1024

/**
 * A socket that sends to and hears from that endpoint only.
 *
 * @throws {DialError} when there is no way there, or no descriptor left
 */
export function connectedSocket(endpoint: EndpointAddress): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = newSocket(endpoint.ip)
  const fail = (error: Error): void => {
    socket.close()
    reject(dialErrorOf(endpoint, error))
  }
  socket.once('error', fail)
  // Not once('connect'): a failure to connect goes to the callback alone, where one is given.
  socket.connect(endpoint.port, endpoint.ip, (error?: Error) => {
    socket.off('error', fail)
    if (error === undefined || error === null) resolve(socket)
    else fail(error)
  })
  return promise
}

/** @throws {Error} when the address can't be bound */
export function listeningSocket({ ip, port }: ListenerAddress): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = newSocket(ip, LISTENER_RECEIVE_BYTES)
  const fail = (error: Error): void => {
    socket.close()
    reject(error)
  }
  socket.once('error', fail)
  socket.bind({ address: ip, port, exclusive: true }, () => {
    socket.off('error', fail)
    resolve(socket)
  })
  return promise
}

/** Whether the socket's own queue has no room: the kernel takes datagrams more slowly than they come. */
export function isCongested(socket: Socket): boolean {
  return (
    socket.getSendQueueSize() > MAX_SEND_QUEUE_BYTES || socket.getSendQueueCount() > MAX_SEND_QUEUE_DATAGRAMS
  )
}

/** What a failure to send one datagram comes to; `refused`: the other side's port is closed, as an earlier datagram found. */
export function sendFailure(error: Error): DropReason | 'refused' {
  const code: unknown = Reflect.get(error, 'code')
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'EMSGSIZE') return 'too-big'
  return code === 'ENOBUFS' || code === 'EAGAIN' ? 'congested' : 'send-failed'
}

function newSocket(ip: string, recvBufferSize?: number): Socket {
  const family = ipFamilyOf(ip) === 'IPv4' ? 4 : 6
  return createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    // All addresses are IP addresses: nothing is to be looked up, and so nothing waits for the event loop.
    lookup: (address, _options, found) => found(null, address, family),
    ...(recvBufferSize === undefined ? {} : { recvBufferSize }),
  })
}
