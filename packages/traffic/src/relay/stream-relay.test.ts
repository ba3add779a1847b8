import { once } from 'node:events'
import { type Duplex, duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { FlowEnd } from './relay-engine.ts'
import { StreamRelay } from './stream-relay.ts'

const engine = new StreamRelay()
const limits = { idleTimeoutMs: undefined, maxDurationMs: undefined }

interface Joined {
  /** What the client of the flow has in hand. */
  readonly client: FlowEnd
  /** What the endpoint of the flow has in hand. */
  readonly endpoint: FlowEnd
  readonly clientSide: FlowEnd
  readonly endpointSide: FlowEnd
}

function ends(): Joined {
  const [client, clientSide] = pair()
  const [endpointSide, endpoint] = pair()
  return { client, clientSide, endpointSide, endpoint }
}

function pair(): [FlowEnd, FlowEnd] {
  const [one, two] = duplexPair()
  for (const stream of [one, two]) stream.on('error', () => {})
  return [resettable(one, two), resettable(two, one)]
}

function resettable(stream: Duplex, other: Duplex): FlowEnd {
  const reset = (): void => {
    stream.destroy()
    other.destroy(new Error('reset'))
  }
  return { stream, reset }
}

/** Unlike `once`, minds no error before. */
function closed(stream: Duplex): Promise<void> {
  return new Promise((resolve) => stream.on('close', resolve))
}

afterEach(() => void vi.useRealTimers())

describe('StreamRelay between streams', () => {
  it('counts what goes each way', async () => {
    const { client, clientSide, endpointSide, endpoint } = ends()
    const joined = engine.relay(clientSide, endpointSide, limits)

    client.stream.end('question')
    expect(await text(endpoint.stream)).toBe('question')
    endpoint.stream.end('answer')
    expect(await text(client.stream)).toBe('answer')

    expect(await joined.ended).toBe('completed')
    expect(joined).toMatchObject({ bytesSent: 8, bytesReceived: 6 })
  })

  it('passes on an end that came before the ends were joined', async () => {
    const { client, clientSide, endpointSide, endpoint } = ends()
    client.stream.end()
    await once(clientSide.stream.resume(), 'end')

    const joined = engine.relay(clientSide, endpointSide, limits)

    expect(await text(endpoint.stream)).toBe('')
    endpoint.stream.end('answer')
    expect(await text(client.stream)).toBe('answer')
    expect(await joined.ended).toBe('completed')
  })

  it('resets the one end when the other was dead before they were joined', async () => {
    const { client, clientSide, endpointSide, endpoint } = ends()
    const failed = once(client.stream, 'error')
    endpoint.reset()
    await closed(endpointSide.stream)

    const joined = engine.relay(clientSide, endpointSide, limits)

    await failed
    expect(await joined.ended).toBe('endpoint-reset')
  })

  it('takes a stream that closes without its end for a reset', async () => {
    const { client, clientSide, endpointSide, endpoint } = ends()
    const joined = engine.relay(clientSide, endpointSide, limits)
    const failed = once(endpoint.stream, 'error')

    client.stream.on('error', () => {})
    clientSide.stream.destroy()

    await failed
    expect(await joined.ended).toBe('client-reset')
  })

  it('resets both ends when it is cut', async () => {
    const { client, clientSide, endpointSide, endpoint } = ends()
    const joined = engine.relay(clientSide, endpointSide, limits)
    const failed = Promise.all([once(client.stream, 'error'), once(endpoint.stream, 'error')])

    joined.cut()

    await failed
    expect(await joined.ended).toBe('cut')
  })

  it('lets the client read an answer whose endpoint has reset afterwards', async () => {
    const { client, clientSide, endpointSide, endpoint } = ends()
    const joined = engine.relay(clientSide, endpointSide, limits)
    client.stream.write('a request that nobody reads to its end')
    endpoint.stream.end('413 too large')
    await once(endpoint.stream, 'finish')

    endpoint.reset()
    await closed(endpointSide.stream)

    expect(await text(client.stream)).toBe('413 too large')
    client.stream.end('the rest of the request')
    expect(await joined.ended).toBe('endpoint-reset')
  })

  /** The endpoint has answered and reset the connection; the client may still read. The clock stands still. */
  async function answeredAndReset() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { client, clientSide, endpointSide, endpoint } = ends()
    const joined = engine.relay(clientSide, endpointSide, limits)
    endpoint.stream.end('413 too large')
    await once(endpoint.stream, 'finish')
    endpoint.reset()
    await closed(endpointSide.stream)
    return { client, joined, failed: once(client.stream, 'error') }
  }

  it('resets a client that still reads such an answer at once when it is cut', async () => {
    const { joined, failed } = await answeredAndReset()

    joined.cut()

    await failed
    expect(await joined.ended).toBe('endpoint-reset')
  })

  it('resets a client that goes on sending after the endpoint has reset', async () => {
    const { client, joined, failed } = await answeredAndReset()

    client.stream.write('the rest of the request')
    vi.runAllTimers()

    await failed
    expect(await joined.ended).toBe('endpoint-reset')
  })
})
