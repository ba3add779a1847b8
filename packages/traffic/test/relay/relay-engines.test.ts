import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { TLSSocket } from 'node:tls'
import { MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { loadHandleBinding } from '../../src/relay/handle-binding.ts'
import { RelayEngines, type RelayEnginesOptions } from '../../src/relay/relay-engines.ts'
import { upload } from './carry.ts'
import { type EngineUnderTest, NO_LIMITS, RelayWorld } from './relay-world.ts'

const MIB = 1 << 20

async function start(options: RelayEnginesOptions): Promise<EngineUnderTest & { logger: MemoryLogger }> {
  const logger = new MemoryLogger()
  const engines = await RelayEngines.start(options, { logger })
  return {
    logger,
    relay: (client, endpoint, limits) => engines.relay(client, endpoint, limits),
    [Symbol.asyncDispose]: () => engines[Symbol.asyncDispose](),
  }
}

describe('RelayEngines', () => {
  it.each([
    ['auto', { engine: 'handle', bulk: 'splice' }],
    ['stream', { engine: 'stream', bulk: 'stream' }],
    ['handle', { engine: 'handle', bulk: 'handle' }],
    ['splice', { engine: 'splice', bulk: 'splice' }],
  ] as const)('tells once which engines it uses, and carries flows: %s', async (engine, told) => {
    const engines = await start({ engine, bulkAfterBytes: MIB })
    await using world = await RelayWorld.open(async () => engines)
    await upload(world, 4 * MIB)
    await upload(world, 100)
    const infos = engines.logger.lines.filter(({ level }) => level === 'info')
    expect(infos).toEqual([{ level: 'info', message: 'relay engines', fields: { ...told, missing: {} } }])
  })

  it('relays what is no socket by streams', async () => {
    await using engines = await start({ engine: 'auto' })
    const [client, nearClient] = duplexPair()
    const [nearEndpoint, endpoint] = duplexPair()
    const reset = (): void => {}
    const near = [
      { stream: nearClient, reset },
      { stream: nearEndpoint, reset },
    ] as const
    const relay = engines.relay(...near, NO_LIMITS)
    client.end('question')
    expect(await text(endpoint)).toBe('question')
    endpoint.end('answer')
    expect(await text(client)).toBe('answer')
    expect(await relay.ended).toBe('completed')
  })

  it('relays between a socket and what is none by streams', async () => {
    const engines = await start({ engine: 'auto' })
    await using world = await RelayWorld.open(async () => engines)
    const { client, near } = await world.ends()
    const [nearEndpoint, endpoint] = duplexPair()
    const relay = engines.relay(near.client, { stream: nearEndpoint, reset: () => {} }, NO_LIMITS)
    client.end('question')
    expect(await text(endpoint)).toBe('question')
    endpoint.end('answer')
    expect(await text(client)).toBe('answer')
    expect(await relay.ended).toBe('completed')
  })
})

describe('loadHandleBinding', () => {
  it('finds the handles of this Node without a warning', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    expect(await loadHandleBinding()).toBeDefined()
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  it('takes no TLS connection for a plain one, nor one that is closed', async () => {
    await using world = await RelayWorld.open(() => start({ engine: 'stream' }))
    const { client, endpoint } = await world.ends()
    const binding = await loadHandleBinding()
    expect(binding?.handleOf(client)).toBeDefined()
    expect(binding?.handleOf(new TLSSocket(client))).toBeUndefined()
    endpoint.destroy()
    await once(endpoint, 'close')
    expect(binding?.handleOf(endpoint)).toBeUndefined()
  })
})
