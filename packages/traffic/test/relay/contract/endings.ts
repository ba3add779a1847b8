import assert from 'node:assert/strict'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { resetSocket } from '../../../src/kernel/reset-socket.ts'
import { closed, failure, type Joined, type RelayWorld } from '../relay-world.ts'
import type { RelayCase } from './case.ts'

export const ENDING_CASES: readonly RelayCase[] = [
  ['resets the endpoint when the client resets', clientResets],
  ['resets the client when the endpoint resets', endpointResets],
  ['notices the reset of an endpoint whose client has ended its way', endpointResetsAfterClientEnd],
  ['resets the client when the endpoint was dead before they were joined', deadBefore],
  ['takes a socket that is destroyed from outside for a reset', destroyedMeanwhile],
  ['resets both ends when it is cut', cut],
  ['resets both ends when it is cut with bytes on their way', cutWhileWriting],
  ['lets the client read an answer whose endpoint has reset afterwards', answerThenReset],
  ['resets such a client when it goes on sending for too long', sendsOnAfterTheReset],
]

/** The flow has carried bytes both ways, whatever engine has it by now. */
async function established(world: RelayWorld): Promise<Joined> {
  const joined = await world.join()
  joined.client.write('hello')
  await once(joined.endpoint, 'data')
  joined.endpoint.write('welcome')
  await once(joined.client, 'data')
  return joined
}

async function clientResets(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await established(world)
  const failed = failure(endpoint)
  client.resetAndDestroy()
  assert.equal(await failed, 'ECONNRESET')
  assert.equal(await relay.ended, 'client-reset')
}

async function endpointResets(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await established(world)
  const failed = failure(client)
  endpoint.resetAndDestroy()
  assert.equal(await failed, 'ECONNRESET')
  assert.equal(await relay.ended, 'endpoint-reset')
}

async function endpointResetsAfterClientEnd(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await established(world)
  client.end()
  await once(endpoint.resume(), 'end')
  const failed = failure(client)
  resetSocket(endpoint)
  assert.equal(await failed, 'ECONNRESET')
  assert.equal(await relay.ended, 'endpoint-reset')
}

async function deadBefore(world: RelayWorld): Promise<void> {
  const ends = await world.ends()
  const failed = failure(ends.client)
  ends.near.endpoint.stream.destroy()
  await once(ends.near.endpoint.stream, 'close')
  const relay = world.relay(ends)
  assert.equal(await relay.ended, 'endpoint-reset')
  assert.equal(await failed, 'ECONNRESET')
}

/** Of a flow that has just begun: a socket that was handed over is nobody's to destroy. */
async function destroyedMeanwhile(world: RelayWorld): Promise<void> {
  const ends = await world.ends()
  const failed = failure(ends.endpoint)
  ends.near.client.stream.destroy()
  const relay = world.relay(ends)
  assert.equal(await relay.ended, 'client-reset')
  assert.equal(await failed, 'ECONNRESET')
}

async function cut(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await established(world)
  const failed = Promise.all([failure(client), failure(endpoint)])
  relay.cut()
  assert.equal(await relay.ended, 'cut')
  assert.deepEqual(await failed, ['ECONNRESET', 'ECONNRESET'])
  relay.cut()
}

async function cutWhileWriting(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await established(world)
  // Neither end reads.
  endpoint.pause()
  client.pause()
  const chunk = Buffer.alloc(1 << 20)
  for (let i = 0; i < 32; i++) {
    client.write(chunk)
    endpoint.write(chunk)
  }
  while (relay.bytesSent < chunk.length || relay.bytesReceived < chunk.length) await turn()
  relay.cut()
  assert.equal(await relay.ended, 'cut')
  await Promise.all([closed(client.resume()), closed(endpoint.resume())])
}

/** The answer has gone through the relay with its end, and waits in the kernel for a client that is slow to read it. */
async function answerThenReset(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await established(world)
  client.pause()
  const answer = 'x'.repeat(300_000)
  endpoint.end(answer)
  while (relay.bytesReceived < answer.length) await turn()
  // Whatever came before has been seen once another flow was carried.
  await established(world)
  resetSocket(endpoint)
  await closed(endpoint)
  client.end('the rest of the request')
  // Its bytes are what the relay finds the endpoint dead by.
  await established(world)
  assert.equal(await text(client), answer)
  assert.equal(await relay.ended, 'endpoint-reset')
}

async function sendsOnAfterTheReset(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await established(world)
  endpoint.end('413 too large')
  assert.equal(await text(client), '413 too large')
  resetSocket(endpoint)
  await closed(endpoint)
  const failed = once(client, 'error')
  const sending = setInterval(() => client.write('more'), 10)
  await failed
  clearInterval(sending)
  assert.equal(await relay.ended, 'endpoint-reset')
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
