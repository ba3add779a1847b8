import { randomBytes } from 'node:crypto'
import type { ContractCase } from '@edgeway/testbed'
import type { Logger, MultiaddrConnection } from '@libp2p/interface'
import { expect } from 'vitest'

const MIB = 1024 * 1024
const CHUNK_BYTES = 256 * 1024
const PATTERN = randomBytes(CHUNK_BYTES)
const silence = (): void => {}

/** For connections that nobody asks why. */
export const SILENT_LOG = Object.assign(silence, {
  ...{ enabled: false, error: silence, trace: silence },
}) as unknown as Logger

/** Both ends of one connection, as libp2p gets them. */
export interface ConnectionPair extends AsyncDisposable {
  readonly near: MultiaddrConnection
  readonly far: MultiaddrConnection
  /** Of what the near end was given to send, what this process has yet to hand to the kernel. */
  pendingBytes(): number
}

/** What libp2p relies on, whatever carries the bytes. */
export function byteConnectionContract(open: () => Promise<ConnectionPair>): ContractCase[] {
  return [
    {
      title: 'stops who sends to one that does not read, and goes on where it stopped',
      run: async () => {
        await using pair = await open()
        await expectBackPressure(pair)
      },
    },
    {
      title: 'ends in order when one side closes it, with all bytes before',
      run: async () => {
        await using pair = await open()
        const received: Uint8Array[] = []
        pair.far.addEventListener('message', ({ data }) => received.push(data.subarray()))
        const farEnded = endOf(pair.far)
        pair.near.send(Buffer.alloc(MIB, 7))
        await pair.near.close()

        expect(await farEnded).toBeUndefined()
        expect(Buffer.concat(received).equals(Buffer.alloc(MIB, 7))).toBe(true)
      },
    },
    {
      title: 'is reset at the other side when it is aborted',
      run: async () => {
        await using pair = await open()
        const farEnded = endOf(pair.far)
        pair.near.abort(new Error('enough'))

        expect(await farEnded).toMatchObject({ name: 'StreamResetError' })
      },
    },
    {
      title: 'is closed twice without harm, in order and by force',
      run: async () => {
        await using pair = await open()
        await pair.near.close()
        await pair.near.close()
        pair.near.abort(new Error('too late'))
        expect(pair.near.status).toBe('closed')
      },
    },
  ]
}

async function expectBackPressure(pair: ConnectionPair): Promise<void> {
  pair.far.addEventListener('message', () => {})
  pair.far.pause()
  let sent = fill(pair.near)
  const isFull = (): boolean => pair.near.writableNeedsDrain
  // The kernel's buffers take some MiB: filled up to where nothing drains any more.
  for (let quiet = 0; quiet < 20; quiet = isFull() ? quiet + 1 : 0) {
    if (!isFull()) sent += fill(pair.near)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(sent).toBeLessThan(64 * MIB)
  expect(pair.pendingBytes()).toBeLessThanOrEqual(MIB)

  const received: Uint8Array[] = []
  let bytes = 0
  const { promise: all, resolve } = Promise.withResolvers<void>()
  pair.far.addEventListener('message', ({ data }) => {
    received.push(data.subarray())
    bytes += data.byteLength
    if (bytes === sent) resolve()
  })
  pair.far.resume()
  await all
  const whole = Buffer.concat(received)
  for (let at = 0; at < sent; at += CHUNK_BYTES) {
    expect(whole.subarray(at, at + CHUNK_BYTES).equals(PATTERN)).toBe(true)
  }
}

function endOf(connection: MultiaddrConnection): Promise<Error | undefined> {
  return new Promise((resolve) => connection.addEventListener('close', ({ error }) => resolve(error)))
}

/** Sends until there is no more room. */
function fill(connection: MultiaddrConnection): number {
  let sent = 0
  while (sent < 256 * MIB) {
    sent += CHUNK_BYTES
    if (!connection.send(PATTERN)) break
  }
  return sent
}
