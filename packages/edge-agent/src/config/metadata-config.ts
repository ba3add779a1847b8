import type { IpFamily } from '@edgeway/core'
import {
  DEFAULT_METADATA_OPTIONS,
  isVirtualRange,
  type MetadataOptions,
  type MetadataSource,
} from '@edgeway/metadata'
import { z } from 'zod'
import { milliseconds } from './fields.ts'

const { ownEndpoints: OWN_ENDPOINTS, virtualAddresses: VIRTUAL } = DEFAULT_METADATA_OPTIONS

/** Others would show them: the URL is in logs and in /configz. */
const urlWithoutCredentials = z
  .url({ protocol: /^https?$/ })
  .refine((url) => !url.includes('@'), 'expected a URL without credentials')

const ownEndpoints = z.strictObject({
  checkIntervalMs: milliseconds.default(OWN_ENDPOINTS.checkIntervalMs),
  connectTimeoutMs: milliseconds.default(OWN_ENDPOINTS.connectTimeoutMs),
  maxConcurrentChecks: z.int().positive().default(OWN_ENDPOINTS.maxConcurrentChecks),
  criSocket: z
    .union([z.enum(['auto', 'off']), z.templateLiteral(['/', z.string()])])
    .default(OWN_ENDPOINTS.criSocket),
  criTimeoutMs: milliseconds.default(OWN_ENDPOINTS.criTimeoutMs),
}) satisfies z.ZodType<MetadataOptions['ownEndpoints']>

const virtualRange = (family: IpFamily, example: string) =>
  z
    .string()
    .refine(
      (text) => isVirtualRange(text, family),
      `expected an ${family} range that pods can call, e.g. ${example}, or off`,
    )
    .default(example)

const virtualAddresses = z.strictObject({
  ipv4: virtualRange('IPv4', VIRTUAL.ipv4),
  ipv6: virtualRange('IPv6', VIRTUAL.ipv6),
  retentionSeconds: z.int().positive().max(31_536_000).default(VIRTUAL.retentionSeconds),
}) satisfies z.ZodType<MetadataOptions['virtualAddresses']>

export const metadata = z.strictObject({
  source: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('auto') }),
      z.strictObject({
        kind: z.literal('metaserver'),
        url: urlWithoutCredentials.default('http://127.0.0.1:10550'),
        caFile: z.string().min(1).exactOptional(),
        tokenFile: z.string().min(1).exactOptional(),
      }),
      z.strictObject({
        kind: z.literal('apiserver'),
        kubeconfig: z.string().min(1).exactOptional(),
        context: z.string().min(1).exactOptional(),
      }),
    ])
    .refine(isSecureWhereNeeded, 'expected no caFile and no tokenFile with an http URL')
    .default({ kind: 'auto' }),
  serviceFilterMode: z
    .enum(['FilterIfLabelExists', 'FilterIfLabelDoesNotExists'])
    .default(DEFAULT_METADATA_OPTIONS.serviceFilterMode),
  listTimeoutMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.listTimeoutMs),
  watchTimeoutSeconds: z.int().positive().max(86_400).default(DEFAULT_METADATA_OPTIONS.watchTimeoutSeconds),
  relistIntervalMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.relistIntervalMs),
  probeIntervalMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.probeIntervalMs),
  minRetryDelayMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.minRetryDelayMs),
  maxRetryDelayMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.maxRetryDelayMs),
  ownEndpoints: ownEndpoints.prefault({}),
  virtualAddresses: virtualAddresses.prefault({}),
}) satisfies z.ZodType<Omit<MetadataOptions, 'source' | 'storeFile' | 'clusterDomain'>>

/** Credentials go to nobody in the clear. */
function isSecureWhereNeeded(source: MetadataSource | { readonly kind: 'auto' }): boolean {
  if (source.kind !== 'metaserver' || source.url.startsWith('https:')) return true
  return source.caFile === undefined && source.tokenFile === undefined
}
