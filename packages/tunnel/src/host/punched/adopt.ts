import type { Socket } from 'node:net'
import type { ComponentLogger, Connection, MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { toMultiaddr } from '../../addresses.ts'
import { plainIp } from '../../sockets.ts'
import { markPunched } from '../connection-parts.ts'
import { toMultiaddrConnection } from './connection.ts'

/** Whom a connected socket leads to, and which part this side takes in libp2p's handshakes. */
export interface PunchedPeer {
  /** Whoever else answers is refused. */
  readonly peerId: string
  /** Exactly one of the two sides is the initiator. */
  readonly role: 'initiator' | 'responder'
}

/** The inner part of libp2p that makes connections of transports. */
export interface Upgrader {
  upgradeOutbound(
    transport: MultiaddrConnection,
    options: { readonly signal: AbortSignal; readonly initiator: boolean },
  ): Promise<Connection>
}

export interface AdoptDeps {
  readonly upgrader: Upgrader
  readonly logger: ComponentLogger
}

/**
 * Makes a libp2p connection of a connected socket. Both sides of a simultaneous open have dialled, so nothing but the role
 * tells who speaks first. The socket is this function's from the call on: it is reset if this fails.
 *
 * @throws {Error} when the socket is closed, or the other side is somebody else or does not answer before the signal aborts
 */
export async function adoptSocket(
  socket: Socket,
  { peerId, role }: PunchedPeer,
  { upgrader, logger, signal }: AdoptDeps & { readonly signal: AbortSignal },
): Promise<Connection> {
  const { remoteAddress, remotePort } = socket
  if (remoteAddress === undefined || remotePort === undefined || socket.destroyed) {
    socket.destroy()
    throw new Error('the other side closed the connection at once')
  }
  const isInitiator = role === 'initiator'
  const transport = toMultiaddrConnection({
    socket: socket.setNoDelay(),
    remoteAddr: multiaddr(`${toMultiaddr(plainIp(remoteAddress), remotePort)}/p2p/${peerId}`),
    // The multiplexer numbers its streams by it.
    direction: isInitiator ? 'outbound' : 'inbound',
    log: logger.forComponent('libp2p:punched'),
  })
  markPunched(transport)
  try {
    return await upgrader.upgradeOutbound(transport, { signal, initiator: isInitiator })
  } catch (error) {
    transport.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}
