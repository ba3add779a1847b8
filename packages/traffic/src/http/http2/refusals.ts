import type { RequestOutcome } from '../../account/request-journal.ts'

/** Statuses that are answered here. */
export type OwnStatus = 400 | 405 | 502 | 503 | 504

/** Why a request is answered here. */
export interface Refusal {
  readonly status: OwnStatus
  readonly sentence: string
  readonly outcome: RequestOutcome
}

export const REFUSALS = {
  noEndpoint: { status: 503, sentence: 'no endpoint is ready', outcome: 'no-endpoint' },
  notConnected: { status: 503, sentence: 'no endpoint could be connected to', outcome: 'dial-failed' },
  overLimit: { status: 503, sentence: 'as many requests as may be are under way', outcome: 'over-limit' },
  tooLate: { status: 504, sentence: 'the endpoint did not answer in time', outcome: 'timeout' },
  broken: {
    status: 502,
    sentence: 'the connection to the endpoint broke before its response',
    outcome: 'endpoint-failed',
  },
  brokenOff: {
    status: 502,
    sentence: 'the connection to the endpoint broke within its response',
    outcome: 'endpoint-failed',
  },
  noResponse: { status: 502, sentence: 'the endpoint sent no valid response', outcome: 'bad-response' },
  noRequest: { status: 400, sentence: 'the request can not be passed on', outcome: 'bad-request' },
} as const satisfies Readonly<Record<string, Refusal>>
