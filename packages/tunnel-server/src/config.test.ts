import { fileURLToPath } from 'node:url'
import { loadConfig } from '@edgeway/runtime'
import { describe, expect, it } from 'vitest'
import { relayOptionsOf, tunnelServerConfigSchema } from './config.ts'

const EXAMPLE = fileURLToPath(new URL('../config.example.yaml', import.meta.url))
const MINIMAL = { apiVersion: 'edgeway.io/v1alpha1', kind: 'TunnelServerConfiguration' }

describe('the config of the tunnel server', () => {
  it('is what the example says, where nothing else is given', async () => {
    expect(await loadConfig(EXAMPLE, tunnelServerConfigSchema)).toEqual(
      tunnelServerConfigSchema.parse(MINIMAL),
    )
  })

  it('refuses an unknown field', () => {
    expect(tunnelServerConfigSchema.safeParse({ ...MINIMAL, relays: {} }).success).toBe(false)
  })

  it('keeps key, join token and members in the data directory', () => {
    const config = tunnelServerConfigSchema.parse({ ...MINIMAL, dataDir: '/data' })

    expect(relayOptionsOf(config)).toMatchObject({
      keyFile: '/data/key',
      joinTokenFile: '/data/join-token',
      membersFile: '/data/members.json',
    })
  })
})
