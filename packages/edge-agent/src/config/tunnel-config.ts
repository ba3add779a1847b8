import { DEFAULT_TUNNEL_OPTIONS, type TunnelOptions } from '@edgeway/tunnel'
import { z } from 'zod'
import { hostAndPort, milliseconds, millisecondsOrNone, port, serverAddress } from './fields.ts'

/** @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const labelKey = z.string().regex(/^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/)
const labelValue = z.string().regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/)
const MAX_LABELS = 16
const isFew = (labels: Readonly<Record<string, string>>): boolean => Object.keys(labels).length <= MAX_LABELS

export const tunnel = z.strictObject({
  servers: z.array(serverAddress).min(1),
  joinTokenFile: z.string().min(1).default(DEFAULT_TUNNEL_OPTIONS.joinTokenFile),
  labels: z.record(labelKey, labelValue).refine(isFew, 'expected at most 16 labels').default({}),
  listenHost: z.union([z.ipv4(), z.ipv6()]).default(DEFAULT_TUNNEL_OPTIONS.listenHost),
  listenPort: port.default(DEFAULT_TUNNEL_OPTIONS.listenPort),
  announceAddresses: z.union([z.literal('auto'), z.array(hostAndPort)]).default('auto'),
  usePrivateAddresses: z.boolean().default(DEFAULT_TUNNEL_OPTIONS.usePrivateAddresses),
  portMapping: z.boolean().default(DEFAULT_TUNNEL_OPTIONS.portMapping),
  discoverNeighbours: z.boolean().default(DEFAULT_TUNNEL_OPTIONS.discoverNeighbours),
  joinTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.joinTimeoutMs),
  connectTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.connectTimeoutMs),
  relayDelayMs: millisecondsOrNone.default(DEFAULT_TUNNEL_OPTIONS.relayDelayMs),
  directRetryMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.directRetryMs),
  openTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.openTimeoutMs),
  answerTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.answerTimeoutMs),
  requestTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.requestTimeoutMs),
  unknownPeerWaitMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.unknownPeerWaitMs),
  drainTimeoutMs: millisecondsOrNone.default(DEFAULT_TUNNEL_OPTIONS.drainTimeoutMs),
}) satisfies z.ZodType<Omit<TunnelOptions, 'keyFile' | 'dataDir'>>
