/**
 * A libp2p peer with a key of its own that nobody admitted. Tries to reserve at the relay, to reach an agent through
 * it, and to open a flow at an agent directly; writes one line of JSON: which of these it got.
 *
 *     stranger.ts RELAY CIRCUIT DIRECT      multiaddrs, each ending in the PeerId it is to reach
 */
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const FLOW_PROTOCOL = '/edgeway/flow/1.0.0'
const RESERVE_MS = 5_000
/** An agent asks a stranger who it is, and gives it some seconds; on a busy machine all of that takes longer. */
const OPEN_MS = 20_000

const [relay = '', circuit = '', direct = ''] = process.argv.slice(2)
const stranger = await createLibp2p({
  transports: [tcp(), circuitRelayTransport({ reservationConcurrency: 1 })],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() },
  connectionManager: { reconnectRetries: 0 },
})

/** True when the attempt was not refused. */
async function succeeds(
  attempt: (signal: AbortSignal) => Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  try {
    await attempt(AbortSignal.timeout(timeoutMs))
    return true
  } catch {
    // Refused, which is what the scenario hopes for.
    return false
  }
}

async function openFlow(address: string, signal: AbortSignal): Promise<void> {
  const connection = await stranger.dial(multiaddr(address), { signal })
  const stream = await connection.newStream(FLOW_PROTOCOL, { signal, runOnLimitedConnection: true })
  // An accepted stream stays open and waits for the request; one that is refused is reset.
  await new Promise<void>((resolve, reject) => {
    stream.addEventListener('close', () => reject(new Error('closed')))
    // The agent may be quicker than its libp2p here.
    if (stream.status !== 'open') reject(new Error('closed'))
    signal.addEventListener('abort', () => resolve())
  })
}

/** A reservation gives the stranger a relayed address of its own. */
async function reserve(signal: AbortSignal): Promise<void> {
  await stranger.dial(multiaddr(relay), { signal })
  const listener = createReservingPeer()
  await using _stop = { [Symbol.asyncDispose]: async () => (await listener).stop() }
  const reserving = await listener
  const has = (): boolean =>
    reserving.getMultiaddrs().some((address) => address.toString().includes('p2p-circuit'))
  while (!has()) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function createReservingPeer(): Promise<Awaited<ReturnType<typeof createLibp2p>>> {
  return createLibp2p({
    addresses: { listen: [`${relay}/p2p-circuit`] },
    transports: [tcp(), circuitRelayTransport({ reservationConcurrency: 1 })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  })
}

const got = {
  reservation: await succeeds(reserve, RESERVE_MS),
  circuit: await succeeds((signal) => openFlow(circuit, signal), OPEN_MS),
  direct: await succeeds((signal) => openFlow(direct, signal), OPEN_MS),
}
process.stdout.write(`${JSON.stringify(got)}\n`)
process.exit(0)
