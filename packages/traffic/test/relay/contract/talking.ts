import assert from 'node:assert/strict'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { RelayWorld } from '../relay-world.ts'
import type { RelayCase } from './case.ts'

export const TALKING_CASES: readonly RelayCase[] = [
  ['carries a question and its answer, and counts both', questionAndAnswer],
  ['lets the endpoint speak first', endpointSpeaksFirst],
  ['carries many small messages to and fro in their order', pingPong],
  ['delivers what comes together with the end', endWithLastData],
  ['goes on from the endpoint after the client has ended its way', clientEndsFirst],
  ['goes on from the client after the endpoint has ended its way', endpointEndsFirst],
  ['carries first what was read of both ends before', readBefore],
  ['passes on an end that was read before', endReadBefore],
  ['passes on an end that waits behind bytes read before', endBehindBytesReadBefore],
]

async function questionAndAnswer(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  client.end('question')
  assert.equal(await text(endpoint), 'question')
  endpoint.end('an answer')
  assert.equal(await text(client), 'an answer')
  assert.equal(await relay.ended, 'completed')
  assert.equal(relay.bytesSent, 8)
  assert.equal(relay.bytesReceived, 9)
}

async function endpointSpeaksFirst(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  endpoint.write('welcome')
  const [banner]: Buffer[] = await once(client, 'data')
  assert.equal(String(banner), 'welcome')
  client.end('hello')
  assert.equal(await text(endpoint), 'hello')
  endpoint.end()
  client.resume()
  assert.equal(await relay.ended, 'completed')
}

async function pingPong(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  endpoint.on('data', (chunk: Buffer) => endpoint.write(chunk)).on('end', () => endpoint.end())
  let wanted = ''
  let got = ''
  client.on('data', (chunk: Buffer) => {
    got += chunk
  })
  for (let i = 0; i < 300; i++) {
    wanted += `message ${i};`
    client.write(`message ${i};`)
    while (got.length < wanted.length) await once(client, 'data')
  }
  client.end()
  assert.equal(await relay.ended, 'completed')
  assert.equal(got, wanted)
  assert.equal(relay.bytesSent, wanted.length)
  assert.equal(relay.bytesReceived, wanted.length)
}

async function endWithLastData(world: RelayWorld): Promise<void> {
  for (let i = 0; i < 50; i++) {
    const { client, endpoint, relay } = await world.join()
    client.end(`to the endpoint ${i}`)
    endpoint.end(`to the client ${i}`)
    const got = await Promise.all([text(endpoint), text(client)])
    assert.deepEqual(got, [`to the endpoint ${i}`, `to the client ${i}`])
    assert.equal(await relay.ended, 'completed')
  }
}

async function clientEndsFirst(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  client.end('question')
  assert.equal(await text(endpoint), 'question')
  endpoint.write('one ')
  await once(client, 'readable')
  endpoint.end('two')
  assert.equal(await text(client), 'one two')
  assert.equal(await relay.ended, 'completed')
}

async function endpointEndsFirst(world: RelayWorld): Promise<void> {
  const { client, endpoint, relay } = await world.join()
  endpoint.end('greeting')
  assert.equal(await text(client), 'greeting')
  client.write('one ')
  await once(endpoint, 'readable')
  client.end('two')
  assert.equal(await text(endpoint), 'one two')
  assert.equal(await relay.ended, 'completed')
}

async function readBefore(world: RelayWorld): Promise<void> {
  const ends = await world.ends()
  const { client, endpoint, near } = ends
  client.write('early from the client, ')
  endpoint.write('early from the endpoint, ')
  await Promise.all([once(near.client.stream, 'readable'), once(near.endpoint.stream, 'readable')])
  const relay = world.relay(ends)
  client.end('then late')
  endpoint.end('then late')
  const got = await Promise.all([text(endpoint), text(client)])
  assert.deepEqual(got, ['early from the client, then late', 'early from the endpoint, then late'])
  assert.equal(await relay.ended, 'completed')
  assert.equal(relay.bytesSent, 'early from the client, then late'.length)
}

async function endReadBefore(world: RelayWorld): Promise<void> {
  const ends = await world.ends()
  const { client, endpoint, near } = ends
  client.end()
  await once(near.client.stream.resume(), 'end')
  const relay = world.relay(ends)
  assert.equal(await text(endpoint), '')
  endpoint.end('answer')
  assert.equal(await text(client), 'answer')
  assert.equal(await relay.ended, 'completed')
}

async function endBehindBytesReadBefore(world: RelayWorld): Promise<void> {
  const ends = await world.ends()
  const { client, endpoint, near } = ends
  client.end('a whole request')
  await once(near.client.stream, 'readable')
  const relay = world.relay(ends)
  assert.equal(await text(endpoint), 'a whole request')
  endpoint.end('answer')
  assert.equal(await text(client), 'answer')
  assert.equal(await relay.ended, 'completed')
  assert.equal(relay.bytesSent, 'a whole request'.length)
}
