import { LOG_LEVELS } from '@edgeway/core'
import type { RuntimeConfig } from '@edgeway/runtime'
import {
  DEFAULT_MEMBERSHIP_OPTIONS,
  DEFAULT_REFLECTOR_OPTIONS,
  DEFAULT_RELAY_SERVER_OPTIONS,
  type MembershipOptions,
  type ReflectorOptions,
  type RelayServerOptions,
} from '@edgeway/tunnel'
import { z } from 'zod'
import { isHostAndPort } from './address-text.ts'

// What each field means stands in config.example.yaml; a test keeps the two alike.

const port = z.int().min(0).max(65_535)
/** With less, the questions that tell whether a peer still lives would be too slow. */
const MIN_BITS_PER_SECOND = 1_000_000
const address = z.union([z.ipv4(), z.ipv6()])

/** A server keeps a link to each of the others. */
const MAX_PEERS = 32
const hostAndPort = z.string().refine(isHostAndPort, 'expected host:port')

const secretName = z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'expected the name of a Secret')

const path = z.string().startsWith('/', 'expected an absolute path')

const webSocket = z
  .strictObject({ listenPort: port, certificateFile: path.optional(), keyFile: path.optional() })
  .refine(
    ({ certificateFile, keyFile }) => (certificateFile === undefined) === (keyFile === undefined),
    'expected certificateFile and keyFile, both or none',
  )

const { quota: DEFAULT_QUOTA } = DEFAULT_RELAY_SERVER_OPTIONS
const quota = z.strictObject({
  circuitsPerMember: z.int().positive().default(DEFAULT_QUOTA.circuitsPerMember),
  bitsPerSecondPerMember: z
    .int()
    .nonnegative()
    .refine(
      (rate) => rate === 0 || rate >= MIN_BITS_PER_SECOND,
      `expected 0 or at least ${MIN_BITS_PER_SECOND}`,
    )
    .default(DEFAULT_QUOTA.bitsPerSecondPerMember),
  reservationsPerMember: z.int().positive().default(DEFAULT_QUOTA.reservationsPerMember),
})

const relay = z.strictObject({
  listenHost: address.default(DEFAULT_RELAY_SERVER_OPTIONS.listenHost),
  listenPort: port.default(DEFAULT_RELAY_SERVER_OPTIONS.listenPort),
  webSocket: webSocket.optional(),
  quota: quota.prefault({}),
  admissionGraceMs: z.int().positive().max(86_400_000).default(DEFAULT_RELAY_SERVER_OPTIONS.admissionGraceMs),
  peers: z.array(hostAndPort).max(MAX_PEERS).default([]),
}) satisfies z.ZodType<RelayServerOptions>

/** What agents take of one server. */
const MAX_REFLECTOR_PORTS = 4
const reflector = z.strictObject({
  ports: z
    .array(port)
    .max(MAX_REFLECTOR_PORTS)
    .refine(
      (ports) => new Set(ports.filter(Boolean)).size === ports.filter(Boolean).length,
      'expected each port once',
    )
    .default([...DEFAULT_REFLECTOR_OPTIONS.ports]),
}) satisfies z.ZodType<ReflectorOptions>

const membership = z.strictObject({
  certificateValidHours: z.int().min(1).max(87_600).default(DEFAULT_MEMBERSHIP_OPTIONS.certificateValidHours),
  joinTokenValidDays: z.int().min(1).max(3_650).default(DEFAULT_MEMBERSHIP_OPTIONS.joinTokenValidDays),
}) satisfies z.ZodType<MembershipOptions>

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
  dataDir: path.default('/var/lib/edgeway/tunnel-server'),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
  admin: z.strictObject({ host: address.default('0.0.0.0'), port: port.default(20_007) }).prefault({}),
  relay: relay.prefault({}),
  reflector: reflector.prefault({}),
  membership: membership.prefault({}),
  state,
}) satisfies z.ZodType<RuntimeConfig>

export type TunnelServerConfig = z.infer<typeof tunnelServerConfigSchema>
