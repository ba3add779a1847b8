import { type FlowOutcome, type FlowRecord, flowLogFields } from './flow-record.ts'
import { type EndLogger, SampledLog, type SampledLogDeps } from './sampled-log.ts'

export type FlowLogger = EndLogger

export interface FlowLogOptions {
  /**
   * The share of flows, and of HTTP requests, that are told at `info`, 0 to 1; below 1, at most 20 flows and 20 requests a second.
   * Those that did not end well are told besides, within limits.
   */
  readonly flowLogSampleRatio: number
}

/** Nobody has to look into these: clients of syslog and the like never get an answer. */
const ORDINARY: ReadonlySet<FlowOutcome> = new Set<FlowOutcome>(['completed', 'no-answer'])

/** Writes one line per flow. */
export class FlowLog extends SampledLog<FlowRecord> {
  constructor({ flowLogSampleRatio }: FlowLogOptions, deps: SampledLogDeps) {
    const fieldsOf = flowLogFields
    super({ message: 'flow ended', ratio: flowLogSampleRatio, ordinary: ORDINARY, fieldsOf }, deps)
  }
}
