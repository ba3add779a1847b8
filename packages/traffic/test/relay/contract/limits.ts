import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Bulk, digestOf } from '../../bulk.ts'
import { failure, NO_LIMITS, type RelayWorld } from '../relay-world.ts'
import type { RelayCase } from './case.ts'

const SHORT_MS = 100
const LONG_MS = 60_000

export const LIMIT_CASES: readonly RelayCase[] = [
  ['resets a flow that was idle for too long', idle],
  ['resets a flow that was idle for too long after it had carried bytes', idleAfterBytes],
  ['resets a flow that lasts too long, however busy', tooLong],
  ['leaves a flow alone that ends in time', inTime],
]

async function idle(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join({ ...NO_LIMITS, idleTimeoutMs: SHORT_MS })
  const failed = Promise.all([failure(client), failure(endpoint)])
  assert.equal(await relay.ended, 'idle-timeout')
  assert.deepEqual(await failed, ['ECONNRESET', 'ECONNRESET'])
}

async function idleAfterBytes(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join({ ...NO_LIMITS, idleTimeoutMs: SHORT_MS })
  client.write('hello')
  await once(endpoint, 'data')
  const failed = failure(client)
  assert.equal(await relay.ended, 'idle-timeout')
  assert.equal(await failed, 'ECONNRESET')
  assert.equal(relay.bytesSent, 5)
}

async function tooLong(world: RelayWorld): Promise<void> {
  const limits = { idleTimeoutMs: 2 * SHORT_MS, maxDurationMs: 8 * SHORT_MS }
  const { client, endpoint, relay } = await world.join(limits)
  const sending = setInterval(() => client.write('busy'), SHORT_MS / 10)
  client.once('close', () => clearInterval(sending))
  const failed = failure(endpoint)
  assert.equal(await relay.ended, 'max-duration')
  assert.equal(await failed, 'ECONNRESET')
}

async function inTime(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join({ idleTimeoutMs: LONG_MS, maxDurationMs: LONG_MS })
  const bulk = new Bulk(1_000_000)
  bulk.pipe(client)
  endpoint.end()
  client.resume()
  assert.equal(await digestOf(endpoint), bulk.digest())
  assert.equal(await relay.ended, 'completed')
}
