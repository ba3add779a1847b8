import { DEFAULT_TRAFFIC_OPTIONS, type TrafficOptions } from '@edgeway/traffic'
import { z } from 'zod'
import { milliseconds, millisecondsOrNone, port } from './fields.ts'

const { health: HEALTH, http: HTTP, udp: UDP } = DEFAULT_TRAFFIC_OPTIONS

const udp = z.strictObject({
  idleTimeoutMs: milliseconds.default(UDP.idleTimeoutMs),
  dnsAnsweredTimeoutMs: milliseconds.default(UDP.dnsAnsweredTimeoutMs),
  dnsUnansweredTimeoutMs: milliseconds.default(UDP.dnsUnansweredTimeoutMs),
  maxSessionsPerServicePort: z.int().positive().default(UDP.maxSessionsPerServicePort),
  maxSessions: z.int().positive().default(UDP.maxSessions),
}) satisfies z.ZodType<TrafficOptions['udp']>

const health = z.strictObject({
  baseEjectionMs: milliseconds.default(HEALTH.baseEjectionMs),
  maxEjectionMs: milliseconds.default(HEALTH.maxEjectionMs),
  settleMs: millisecondsOrNone.default(HEALTH.settleMs),
  checkIntervalMs: milliseconds.default(HEALTH.checkIntervalMs),
  checkTimeoutMs: milliseconds.default(HEALTH.checkTimeoutMs),
  maxConcurrentChecks: z.int().positive().max(1_024).default(HEALTH.maxConcurrentChecks),
}) satisfies z.ZodType<TrafficOptions['health']>

const http = z.strictObject({
  clientIdleTimeoutMs: milliseconds.default(HTTP.clientIdleTimeoutMs),
  headTimeoutMs: milliseconds.default(HTTP.headTimeoutMs),
  upstreamIdleTimeoutMs: milliseconds.default(HTTP.upstreamIdleTimeoutMs),
  maxIdleUpstreams: z.int().nonnegative().default(HTTP.maxIdleUpstreams),
}) satisfies z.ZodType<TrafficOptions['http']>

export const traffic = z
  .strictObject({
    listenPort: port.default(DEFAULT_TRAFFIC_OPTIONS.listenPort),
    originalDestination: z.enum(['auto', 'off']).default(DEFAULT_TRAFFIC_OPTIONS.originalDestination),
    relayEngine: z.enum(['auto', 'stream', 'handle', 'splice']).default(DEFAULT_TRAFFIC_OPTIONS.relayEngine),
    dialTimeoutMs: milliseconds.default(DEFAULT_TRAFFIC_OPTIONS.dialTimeoutMs),
    dialBudgetMs: milliseconds.default(DEFAULT_TRAFFIC_OPTIONS.dialBudgetMs),
    idleTimeoutMs: millisecondsOrNone.default(DEFAULT_TRAFFIC_OPTIONS.idleTimeoutMs),
    unknownTargetWaitMs: millisecondsOrNone.default(DEFAULT_TRAFFIC_OPTIONS.unknownTargetWaitMs),
    drainTimeoutMs: millisecondsOrNone.default(DEFAULT_TRAFFIC_OPTIONS.drainTimeoutMs),
    flowLogSampleRatio: z.number().min(0).max(1).default(DEFAULT_TRAFFIC_OPTIONS.flowLogSampleRatio),
    health: health.prefault({}),
    http: http.prefault({}),
    udp: udp.prefault({}),
  })
  .refine(({ dialTimeoutMs, dialBudgetMs }) => dialBudgetMs >= dialTimeoutMs, {
    path: ['dialBudgetMs'],
    message: 'expected at least dialTimeoutMs',
  }) satisfies z.ZodType<TrafficOptions>
