/**
 * A libp2p peer with a given key that says to a tunnel server what it is told to, whatever that is. Opens a stream for each
 * exchange, sends all of its messages, and writes at the end one line of JSON: for each exchange the messages that came
 * back, until one of the type `until` came, or the stream ended, or for 10 s.
 *
 *     raw-member.ts SERVER KEY_FILE EXCHANGES       multiaddr; file; a list of `RawExchange` as JSON
 */
import { readFile } from 'node:fs/promises'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { conclude } from './announce.ts'
import type { RawExchange, RawMessage } from './raw-exchange.ts'

const EXCHANGE_MS = 10_000
const LENGTH_BYTES = 4

const [server = '', keyFile = '', exchangesText = ''] = process.argv.slice(2)
const exchanges = JSON.parse(exchangesText) as readonly RawExchange[]
const peer = await createLibp2p({
  privateKey: privateKeyFromProtobuf(await readFile(keyFile)),
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() },
  connectionManager: { reconnectRetries: 0 },
})

/** u32 length, big endian, and JSON. */
function frameOf(message: RawMessage): Buffer {
  const payload = Buffer.from(JSON.stringify(message))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(payload.length)
  return Buffer.concat([length, payload])
}

/** Takes whole frames off the front of `bytes`. */
function* messagesIn(bytes: Buffer): Generator<{ message: RawMessage; rest: Buffer }> {
  let rest = bytes
  while (rest.length >= LENGTH_BYTES && rest.length >= LENGTH_BYTES + rest.readUInt32BE()) {
    const end = LENGTH_BYTES + rest.readUInt32BE()
    const message = JSON.parse(rest.subarray(LENGTH_BYTES, end).toString()) as RawMessage
    rest = rest.subarray(end)
    yield { message, rest }
  }
}

function answersOn(stream: Stream, until: string): Promise<readonly RawMessage[]> {
  const answers: RawMessage[] = []
  let bytes: Buffer = Buffer.alloc(0)
  return new Promise((resolve) => {
    const finish = (): void => resolve(answers)
    stream.addEventListener('close', finish)
    stream.addEventListener('remoteCloseWrite', () => setImmediate(finish))
    setTimeout(finish, EXCHANGE_MS).unref()
    stream.addEventListener('message', ({ data }) => {
      bytes = Buffer.concat([bytes, data.subarray()])
      for (const { message, rest } of messagesIn(bytes)) {
        bytes = rest
        answers.push(message)
        if (message.type === until) finish()
      }
    })
  })
}

async function run({ protocol, send, until }: RawExchange): Promise<readonly RawMessage[]> {
  const connection = await peer.dial(multiaddr(server))
  const stream = await connection.newStream(protocol)
  const answers = answersOn(stream, until)
  for (const message of send) stream.send(frameOf(message))
  try {
    return await answers
  } finally {
    // Another one starts anew, whatever the server thinks of this connection.
    connection.abort(new Error('done'))
  }
}

// libp2p throws where nobody can catch it when the server closes a connection that it writes to: a refusal is read by then.
process.on('uncaughtException', ({ name, message }) => {
  if (name !== 'StreamStateError') throw new Error(message)
})
const results: (readonly RawMessage[])[] = []
for (const exchange of exchanges) results.push(await run(exchange))
conclude(results)
