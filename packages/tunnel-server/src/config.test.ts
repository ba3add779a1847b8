import { readFile } from 'node:fs/promises'
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

  it('takes WebSockets with both files, or none', () => {
    const parse = (webSocket: object) =>
      tunnelServerConfigSchema.safeParse({ ...MINIMAL, relay: { webSocket } })
    const files = { certificateFile: '/tls/tls.crt', keyFile: '/tls/tls.key' }

    expect(parse({ listenPort: 443 }).data?.relay.webSocket).toEqual({ listenPort: 443 })
    expect(parse({ listenPort: 443, ...files }).data?.relay.webSocket).toEqual({ listenPort: 443, ...files })
    expect(parse({ listenPort: 443, keyFile: '/tls/tls.key' }).error?.issues[0]).toMatchObject({
      path: ['relay', 'webSocket'],
      message: 'expected certificateFile and keyFile, both or none',
    })
    expect(parse({}).success).toBe(false)
  })

  it('refuses a bandwidth that is too low for connections to stay alive', () => {
    const parse = (bitsPerSecondPerMember: number) =>
      tunnelServerConfigSchema.safeParse({ ...MINIMAL, relay: { quota: { bitsPerSecondPerMember } } })

    expect(parse(0).success).toBe(true)
    expect(parse(1_000_000).success).toBe(true)
    expect(parse(1_000).error?.issues[0]).toMatchObject({ message: 'expected 0 or at least 1000000' })
  })

  it('stands in the example with every field', async () => {
    const example = await readFile(EXAMPLE, 'utf8')

    expect(example.match(/^ *\w+(?=:)/gm)?.map((key) => key.trim())).toEqual(
      expect.arrayContaining(fieldsOf(tunnelServerConfigSchema.parse(MINIMAL))),
    )
  })

  it.each([
    ['relay', { peers: ['tunnel'] }],
    ['relay', { peers: ['tunnel:70000'] }],
    ['relay', { peers: ['[10.0.0.1]:1'] }],
    ['reflector', { ports: [20_004, 20_004] }],
    ['reflector', { ports: [65_536] }],
    ['reflector', { ports: [1, 2, 3, 4, 5] }],
    ['membership', { certificateValidHours: 0 }],
    ['membership', { joinTokenValidDays: 3_651 }],
  ])('refuses %s: %j', (section, fields) => {
    expect(tunnelServerConfigSchema.safeParse({ ...MINIMAL, [section]: fields }).success).toBe(false)
  })

  it('takes other servers', () => {
    const relay = {
      peers: ['tunnel-2.example.com:20006', '[2001:db8::1]:20006'],
    }
    expect(tunnelServerConfigSchema.parse({ ...MINIMAL, relay }).relay).toMatchObject(relay)
  })

  it('takes other ports for reflectors, or none', () => {
    const parse = (ports: readonly number[]) =>
      tunnelServerConfigSchema.parse({ ...MINIMAL, reflector: { ports } }).reflector.ports

    expect(parse([3_478])).toEqual([3_478])
    expect(parse([0, 0])).toEqual([0, 0])
    expect(parse([])).toEqual([])
  })

  it('takes the Secrets of the manifests unless others are named', () => {
    expect(tunnelServerConfigSchema.parse({ ...MINIMAL, state: { kind: 'secrets' } }).state).toEqual({
      kind: 'secrets',
      serverSecretName: 'edgeway-tunnel-server',
      joinTokenSecretName: 'edgeway-join-token',
    })
  })
})

/** The names of all fields, those within fields included. */
function fieldsOf(value: object): string[] {
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'object' && !Array.isArray(inner) ? [key, ...fieldsOf(inner)] : [key],
  )
}
