import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { Bulk, digestOf } from '../../bulk.ts'
import { bothWays } from '../carry.ts'
import type { RelayWorld } from '../relay-world.ts'
import type { RelayCase } from './case.ts'

const BULK_BYTES = 30_000_000
/** Far more than the buffers of all sockets on the way. */
const ENDLESS_BYTES = 4_000_000_000
const BOUND_BYTES = 64_000_000

export const BULK_CASES: readonly RelayCase[] = [
  ['carries 30 MB to the endpoint, its end, and the answer', upload],
  ['carries 30 MB to a client that has ended its way', download],
  ['carries 30 MB both ways at once', (world) => bothWays(world, BULK_BYTES)],
  ['holds the client back while the endpoint does not read, and goes on when it does', slowEndpoint],
  ['holds the endpoint back while the client does not read', slowClient],
  ['carries the one way while the other is held back', oneWayHeldBack],
]

async function upload(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  const bulk = new Bulk(BULK_BYTES)
  const digests = digestOf(endpoint).then((digest) => void endpoint.end(digest))
  await pipeline(bulk, client, { end: true })
  let answer = ''
  for await (const chunk of client) answer += String(chunk)
  await digests
  assert.equal(answer, bulk.digest())
  assert.equal(await relay.ended, 'completed')
  assert.equal(relay.bytesSent, BULK_BYTES)
  assert.equal(relay.bytesReceived, answer.length)
}

async function download(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  const bulk = new Bulk(BULK_BYTES)
  client.end('send it')
  assert.equal((await digestOf(endpoint)).length, 64)
  bulk.pipe(endpoint)
  assert.equal(await digestOf(client), bulk.digest())
  assert.equal(await relay.ended, 'completed')
  assert.equal(relay.bytesReceived, BULK_BYTES)
}

async function slowEndpoint(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  const bulk = new Bulk(ENDLESS_BYTES)
  bulk.pipe(client)
  const [otherWorld] = [await world.join()]
  await exchange(otherWorld)
  assert.ok(relay.bytesSent < BOUND_BYTES, `${relay.bytesSent} bytes went to an endpoint that does not read`)
  assert.ok(bulk.taken < BOUND_BYTES, `the client could send ${bulk.taken} bytes`)
  bulk.unpipe(client)
  client.end()
  let got = 0
  for await (const chunk of endpoint) got += chunk.length
  endpoint.end()
  client.resume()
  assert.equal(await relay.ended, 'completed')
  assert.equal(got, relay.bytesSent)
}

async function slowClient(world: RelayWorld): Promise<void> {
  const { endpoint, relay } = await world.join()
  const bulk = new Bulk(ENDLESS_BYTES)
  bulk.pipe(endpoint)
  await exchange(await world.join())
  assert.ok(relay.bytesReceived < BOUND_BYTES, `${relay.bytesReceived} bytes went to a client`)
  assert.ok(bulk.taken < BOUND_BYTES, `the endpoint could send ${bulk.taken} bytes`)
  relay.cut()
  assert.equal(await relay.ended, 'cut')
}

async function oneWayHeldBack(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  new Bulk(ENDLESS_BYTES).pipe(client)
  await exchange(await world.join())
  const down = new Bulk(BULK_BYTES)
  down.pipe(endpoint)
  assert.equal(await digestOf(client), down.digest())
  relay.cut()
  assert.equal(await relay.ended, 'cut')
}

/** Some 60 MB through another flow: time enough for a flow that is not held back to go on. */
async function exchange({ client, endpoint }: { client: Socket; endpoint: Socket }): Promise<void> {
  new Bulk(BULK_BYTES).pipe(client)
  new Bulk(BULK_BYTES).pipe(endpoint)
  await Promise.all([digestOf(client), digestOf(endpoint)])
}
