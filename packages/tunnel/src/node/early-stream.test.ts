import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it, onTestFinished } from 'vitest'
import { type Host, startServerHost } from '../host/host.ts'
import { openStream } from './early-stream.ts'

const PROTOCOL = '/edgeway/early-stream-test/1.0.0'
const NEVER = new AbortController().signal

async function newHost(): Promise<Host> {
  const key = await generateKeyPair('Ed25519')
  const host = await startServerHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
  onTestFinished(() => host.stop())
  return host
}

/** Two hosts with a connection; the second one treats each stream so. */
async function connected(treat: (stream: Stream, connection: Connection) => void): Promise<Connection> {
  const [dialler, listener] = [await newHost(), await newHost()]
  await listener.node.handle(PROTOCOL, treat)
  const [address] = listener.listenAddresses()
  return await dialler.dial(multiaddr(`${address}/p2p/${listener.node.peerId}`), NEVER)
}

it('is not tried again, asking first, on a connection that ends with it', async () => {
  const connection = await connected((_stream, theirs) => theirs.abort(new Error('the host dies')))
  let asked = 0
  const ask = connection.newStream.bind(connection)
  connection.newStream = (...args) => {
    asked++
    return ask(...args)
  }
  const opening = { connection, protocol: PROTOCOL, firstBytes: Buffer.from('hello') }

  await expect(openStream(opening, NEVER)).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  expect(asked).toBe(0)
})

it('is given up at once when its connection ends while the other side is asked', async () => {
  const connection = await connected((stream) => stream.abort(new Error('chokes')))
  const asked = Promise.withResolvers<void>()
  connection.newStream = () => {
    asked.resolve()
    // As on a connection that nothing comes from.
    return new Promise(() => {})
  }
  const opening = { connection, protocol: PROTOCOL, firstBytes: Buffer.from('hello') }
  const opened = openStream(opening, NEVER)
  await asked.promise
  connection.abort(new Error('the link is gone'))

  await expect(opened).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
})
