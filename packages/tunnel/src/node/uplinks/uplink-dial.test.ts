import { once } from 'node:events'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AgentHost, type Host, startAgentHost } from '../../host/host.ts'
import { dialByAnyUplink } from './uplink-dial.ts'

const NOBODY = new AbortController().signal

describe('dialByAnyUplink', () => {
  let near: AgentHost
  let far: AgentHost

  beforeEach(async () => {
    const start = async (): Promise<AgentHost> =>
      await startAgentHost({
        ...{ key: await generateKeyPair('Ed25519'), listenHost: '127.0.0.1', listenPort: 0, gater: {} },
      })
    near = await start()
    far = await start()
  })
  afterEach(async () => {
    await Promise.all([near.stop(), far.stop()])
  })

  function addressOf(host: AgentHost): ReturnType<Host['listenAddresses']>[number] {
    const [address] = host.listenAddresses()
    if (address === undefined) throw new Error('it listens')
    return address
  }

  /** Fails by the first way, at once. */
  function withoutFirstWay(): Pick<Host, 'dial'> {
    return {
      dial: async (address, signal, way) => {
        if (way?.localAddress === undefined) throw new Error('the first way is dead')
        return await near.dial(address, signal, way)
      },
    }
  }

  it('goes by the usual way while that works', async () => {
    const dialled: unknown[] = []
    const watched: Pick<Host, 'dial'> = {
      dial: async (address, signal, way) => {
        dialled.push(way?.localAddress)
        return await near.dial(address, signal, way)
      },
    }
    const options = { signal: NOBODY, uplinks: () => ['127.0.0.2'] }
    const connection = await dialByAnyUplink(watched, addressOf(far), options)
    expect(connection.status).toBe('open')
    expect(dialled).toEqual([undefined])
  })

  it('goes from the address of another uplink when the usual way is dead', async () => {
    const opened = once(far.node, 'connection:open')
    const options = { signal: NOBODY, uplinks: () => ['127.0.0.2'] }
    await dialByAnyUplink(withoutFirstWay(), addressOf(far), options)
    const [{ detail }] = await opened
    expect(String(detail.remoteAddr)).toContain('/ip4/127.0.0.2/')
  })

  it('fails as the usual way did when no way works', async () => {
    const nobody: Pick<Host, 'dial'> = {
      dial: async (_address, _signal, way) => {
        throw new Error(`dead: ${way?.localAddress ?? 'usual'}`)
      },
    }
    const options = { signal: NOBODY, uplinks: () => ['127.0.0.2'] }
    await expect(dialByAnyUplink(nobody, addressOf(far), options)).rejects.toThrow('dead: usual')
  })
})
