import { DEFAULT_TUNNEL_OPTIONS, type TunnelOptions } from '@edgeway/tunnel'
import { z } from 'zod'
import { hostAndPort, milliseconds, millisecondsOrNone, port, serverAddress } from './fields.ts'

export const tunnel = z.strictObject({
  servers: z.array(serverAddress).min(1),
  joinTokenFile: z.string().min(1).default(DEFAULT_TUNNEL_OPTIONS.joinTokenFile),
  listenHost: z.union([z.ipv4(), z.ipv6()]).default(DEFAULT_TUNNEL_OPTIONS.listenHost),
  listenPort: port.default(DEFAULT_TUNNEL_OPTIONS.listenPort),
  announceAddresses: z.union([z.literal('auto'), z.array(hostAndPort)]).default('auto'),
  usePrivateAddresses: z.boolean().default(DEFAULT_TUNNEL_OPTIONS.usePrivateAddresses),
  joinTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.joinTimeoutMs),
  connectTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.connectTimeoutMs),
  relayDelayMs: millisecondsOrNone.default(DEFAULT_TUNNEL_OPTIONS.relayDelayMs),
  directRetryMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.directRetryMs),
  openTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.openTimeoutMs),
  answerTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.answerTimeoutMs),
  requestTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.requestTimeoutMs),
  unknownPeerWaitMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.unknownPeerWaitMs),
  drainTimeoutMs: millisecondsOrNone.default(DEFAULT_TUNNEL_OPTIONS.drainTimeoutMs),
}) satisfies z.ZodType<Omit<TunnelOptions, 'keyFile'>>
