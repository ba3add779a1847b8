import { LOG_LEVELS } from '@edgeway/core'
import type { RuntimeConfig } from '@edgeway/runtime'
import { DEFAULT_RELAY_SERVER_OPTIONS, type RelayServerOptions } from '@edgeway/tunnel'
import { z } from 'zod'

// What each field means stands in config.example.yaml; a test keeps the two alike.

const port = z.int().min(0).max(65_535)
const address = z.union([z.ipv4(), z.ipv6()])

const secretName = z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'expected the name of a Secret')

const relay = z.strictObject({
  listenHost: address.default(DEFAULT_RELAY_SERVER_OPTIONS.listenHost),
  listenPort: port.default(DEFAULT_RELAY_SERVER_OPTIONS.listenPort),
  admissionGraceMs: z.int().positive().max(86_400_000).default(DEFAULT_RELAY_SERVER_OPTIONS.admissionGraceMs),
}) satisfies z.ZodType<RelayServerOptions>

const state = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('files') }),
    z.strictObject({
      kind: z.literal('secrets'),
      serverSecretName: secretName.default('edgeway-tunnel-server'),
      joinTokenSecretName: secretName.default('edgeway-join-token'),
    }),
  ])
  .default({ kind: 'files' })

/** The config file of the tunnel server. */
export const tunnelServerConfigSchema = z.strictObject({
  apiVersion: z.literal('edgeway.io/v1alpha1'),
  kind: z.literal('TunnelServerConfiguration'),
  dataDir: z.string().startsWith('/', 'expected an absolute path').default('/var/lib/edgeway/tunnel-server'),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
  admin: z.strictObject({ host: address.default('0.0.0.0'), port: port.default(20_007) }).prefault({}),
  relay: relay.prefault({}),
  state,
}) satisfies z.ZodType<RuntimeConfig>

export type TunnelServerConfig = z.infer<typeof tunnelServerConfigSchema>
