/**
 * Calls each method of a `grpc-server.ts` and writes what came of it, as `GrpcResult`.
 *
 *     grpc-client.ts HOST PORT
 */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  type ServiceError,
} from '@grpc/grpc-js'
import { conclude } from '../announce.ts'
import type { GrpcResult } from './grpc-result.ts'
import { SCENARIO, type ServerStatus } from './grpc-service.ts'
import { streamBytes } from './stream-bytes.ts'

type Answered = (error: ServiceError | null, answer?: Buffer) => void

const MESSAGES = 1_000
const MESSAGE_BYTES = 16_384
/** 16 MiB, much more than all buffers on the way hold. */
const TALK_MESSAGES = 1_024
const NOTHING = Buffer.alloc(0)
const DEADLINE_MS = 1_000
const POLL_MS = 100
/** For so many polls nothing moves: it is held back. */
const QUIET_POLLS = 10

const [host = '', port = ''] = process.argv.slice(2)
const channel = new Client(`${host}:${port}`, credentials.createInsecure())
const { echo, count, collect, talk, hang, status } = SCENARIO

/** The methods of `SCENARIO`. */
const client = {
  echo: (message: Buffer, answered: Answered) =>
    channel.makeUnaryRequest(echo.path, echo.requestSerialize, echo.responseDeserialize, message, answered),
  count: (message: Buffer) =>
    channel.makeServerStreamRequest(count.path, count.requestSerialize, count.responseDeserialize, message),
  collect: (answered: Answered) =>
    channel.makeClientStreamRequest(
      collect.path,
      collect.requestSerialize,
      collect.responseDeserialize,
      answered,
    ),
  talk: () => channel.makeBidiStreamRequest(talk.path, talk.requestSerialize, talk.responseDeserialize),
  hang: (message: Buffer, options: CallOptions = {}) =>
    channel.makeServerStreamRequest(
      hang.path,
      hang.requestSerialize,
      hang.responseDeserialize,
      message,
      options,
    ),
  status: (message: Buffer, answered: Answered) =>
    channel.makeUnaryRequest(
      status.path,
      status.requestSerialize,
      status.responseDeserialize,
      message,
      answered,
    ),
}

function answerTo(call: (answered: Answered) => unknown): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    call((error, answer) => (answer === undefined ? reject(error) : resolve(answer)))
  })
}

async function serverStatus(): Promise<ServerStatus> {
  const answer = await answerTo((answered) => client.status(NOTHING, answered))
  return JSON.parse(answer.toString())
}

async function unary(): Promise<boolean> {
  const message = streamBytes(100_000, 1)
  const answer = await answerTo((answered) => client.echo(message, answered))
  return answer.equals(message)
}

async function serverStreaming(): Promise<boolean> {
  let expected = 0
  for await (const message of client.count(Buffer.from(String(MESSAGES))) as AsyncIterable<Buffer>)
    if (message.toString() === String(expected)) expected += 1
  return expected === MESSAGES
}

async function clientStreaming(): Promise<unknown> {
  const answer = await answerTo((answered) => {
    const call = client.collect(answered)
    for (let number = 0; number < MESSAGES; number++) call.write(Buffer.alloc(1_000))
    call.end()
  })
  return JSON.parse(answer.toString())
}

/** Sends as much as it may while it reads nothing, and then reads all. */
async function bidiStreaming(): Promise<GrpcResult['bidiStreaming']> {
  const before = (await serverStatus()).talked
  const call = client.talk()
  // Fills the call's own few places; a call that was never read from has no flow control in @grpc/grpc-js.
  call.read(0)
  const sent = sendNumbered(call)
  const whileHeldBack = await settled(async () => (await serverStatus()).talked - before)
  // Beside the one that is stopped, on the same connection.
  const otherCall = await unary()
  let inOrder = 0
  for await (const message of call as AsyncIterable<Buffer>)
    if (message.readUInt32BE() === inOrder && message.length === MESSAGE_BYTES) inOrder += 1
  await sent
  return { total: TALK_MESSAGES, whileHeldBack, otherCall, inOrder }
}

async function sendNumbered(call: ClientDuplexStream<Buffer, Buffer>): Promise<void> {
  for (let number = 0; number < TALK_MESSAGES; number++) {
    const message = Buffer.alloc(MESSAGE_BYTES)
    message.writeUInt32BE(number)
    if (!call.write(message)) await once(call, 'drain')
  }
  call.end()
}

/** The value, once it is more than nothing and has not changed for a while. */
async function settled(read: () => Promise<number>): Promise<number> {
  let value = 0
  for (let quiet = 0; quiet < QUIET_POLLS; quiet++) {
    const now = await read()
    if (now === 0 || now !== value) quiet = 0
    value = now
    await delay(POLL_MS)
  }
  return value
}

/** @returns the status code with which the call ended here */
async function hangUntil(options: CallOptions, atFirstMessage: 'cancel' | 'wait'): Promise<number> {
  const call = client.hang(NOTHING, options)
  const ended = new Promise<number>((resolve) => {
    call.on('error', (error: ServiceError) => resolve(error.code))
  })
  await new Promise((resolve) => call.once('data', resolve))
  if (atFirstMessage === 'cancel') call.cancel()
  return ended
}

/** Waits for the server to have noticed; the scenario's own time limit ends it otherwise. */
async function whenEnded(count: number): Promise<ServerStatus> {
  for (;;) {
    const status = await serverStatus()
    if (status.ended >= count) return status
    await delay(POLL_MS)
  }
}

const before = await serverStatus()
const result: GrpcResult = {
  unary: await unary(),
  serverStreaming: await serverStreaming(),
  clientStreaming: await clientStreaming(),
  bidiStreaming: await bidiStreaming(),
  cancelled: await hangUntil({}, 'cancel'),
  serverSawCancel: (await whenEnded(before.ended + 1)).withDeadline === before.withDeadline,
  deadline: await hangUntil({ deadline: Date.now() + DEADLINE_MS }, 'wait'),
  serverSawDeadline: (await whenEnded(before.ended + 2)).withDeadline === before.withDeadline + 1,
}
conclude(result)
