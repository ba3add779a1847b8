import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { Bulk, digestOf } from '../bulk.ts'
import type { RelayWorld } from './relay-world.ts'

/** A flow of so many bytes to the endpoint, whose digest is right. */
export async function upload(world: RelayWorld, bytes: number): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  const bulk = new Bulk(bytes)
  bulk.pipe(client)
  assert.equal(await digestOf(endpoint), bulk.digest())
  endpoint.end('done')
  assert.equal(await text(client), 'done')
  assert.equal(await relay.ended, 'completed')
  assert.equal(relay.bytesSent, bytes)
  assert.equal(relay.bytesReceived, 4)
}

/** And one with so many there, and one more back. */
export async function bothWays(world: RelayWorld, bytes: number): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  const [up, down] = [new Bulk(bytes), new Bulk(bytes + 1)]
  up.pipe(client)
  down.pipe(endpoint)
  const [atEndpoint, atClient] = await Promise.all([digestOf(endpoint), digestOf(client)])
  assert.equal(atEndpoint, up.digest())
  assert.equal(atClient, down.digest())
  assert.equal(await relay.ended, 'completed')
  assert.equal(relay.bytesSent, bytes)
  assert.equal(relay.bytesReceived, bytes + 1)
}

/** Until all buffers between the client and an endpoint that does not read are full. */
export async function standstill(relay: { readonly bytesSent: number }): Promise<void> {
  let [before, rounds] = [-1, 0]
  while (rounds < 5) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    rounds = relay.bytesSent > 0 && relay.bytesSent === before ? rounds + 1 : 0
    before = relay.bytesSent
  }
}
