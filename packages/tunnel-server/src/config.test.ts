import { fileURLToPath } from 'node:url'
import { loadConfig } from '@edgeway/runtime'
import { describe, expect, it } from 'vitest'
import { tunnelServerConfigSchema } from './config.ts'

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

  it('takes the Secrets of the manifests unless others are named', () => {
    expect(tunnelServerConfigSchema.parse({ ...MINIMAL, state: { kind: 'secrets' } }).state).toEqual({
      kind: 'secrets',
      serverSecret: 'edgeway-tunnel-server',
      joinTokenSecret: 'edgeway-join-token',
    })
  })
})
