import {
  DEFAULT_NODE_DEVICE_OPTIONS,
  DEFAULT_PROXIER_OPTIONS,
  type NodeDeviceOptions,
  type ProxierOptions,
} from '@edgeway/proxier'
import { z } from 'zod'
import { milliseconds, millisecondsOrNone } from './fields.ts'

export const device = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,14}$/, 'expected a device name of at most 15 characters')
    .default(DEFAULT_NODE_DEVICE_OPTIONS.name),
  address: z.ipv4().default(DEFAULT_NODE_DEVICE_OPTIONS.address),
  addresses: z.array(z.union([z.ipv4(), z.ipv6()])).default([...DEFAULT_NODE_DEVICE_OPTIONS.addresses]),
  checkIntervalMs: milliseconds.default(DEFAULT_NODE_DEVICE_OPTIONS.checkIntervalMs),
}) satisfies z.ZodType<NodeDeviceOptions>

export const proxier = z.strictObject({
  backend: z.enum(['auto', 'nftables', 'iptables']).default(DEFAULT_PROXIER_OPTIONS.backend),
  failMode: z.enum(['closed', 'open']).default(DEFAULT_PROXIER_OPTIONS.failMode),
  kernelPath: z.enum(['auto', 'off']).default(DEFAULT_PROXIER_OPTIONS.kernelPath),
  nodePorts: z.enum(['auto', 'on', 'off']).default(DEFAULT_PROXIER_OPTIONS.nodePorts),
  syncDelayMs: millisecondsOrNone.default(DEFAULT_PROXIER_OPTIONS.syncDelayMs),
  resyncIntervalMs: milliseconds.default(DEFAULT_PROXIER_OPTIONS.resyncIntervalMs),
  maxSyncDelayMs: milliseconds.default(DEFAULT_PROXIER_OPTIONS.maxSyncDelayMs),
  maxRetryDelayMs: milliseconds.default(DEFAULT_PROXIER_OPTIONS.maxRetryDelayMs),
}) satisfies z.ZodType<ProxierOptions>
