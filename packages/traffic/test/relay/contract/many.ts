import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import type { RelayWorld } from '../relay-world.ts'
import type { RelayCase } from './case.ts'

const CONNECTIONS = 10_000
const AT_ONCE = 50

export const MANY_CASES: readonly RelayCase[] = [
  ['carries 10,000 short connections, each its own bytes', shortOnes],
]

async function shortOnes(world: RelayWorld): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < CONNECTIONS) await shortOne(world, next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function shortOne(world: RelayWorld, number: number): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  client.end(`question ${number}`)
  assert.equal(await text(endpoint), `question ${number}`)
  endpoint.end(`answer ${number}`)
  assert.equal(await text(client), `answer ${number}`)
  assert.equal(await relay.ended, 'completed')
  assert.equal(relay.bytesSent, `question ${number}`.length)
  assert.equal(relay.bytesReceived, `answer ${number}`.length)
}
