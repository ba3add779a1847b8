import { type ConformanceCase, get, OK, PROTOCOL, type Row } from './conformance-case.ts'
import { CONNECTION_ROWS } from './connection-cases.ts'
import { FRAME_ROWS } from './frame-cases.ts'
import * as f from './frames.ts'
import { MESSAGE_ROWS } from './message-cases.ts'

const RAW: readonly Row[] = [
  [
    '3.4',
    'refuses a preface that is none',
    [Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')],
    PROTOCOL,
    'GOAWAY INTERNAL_ERROR',
  ],
  ['3.4', 'refuses another first frame than SETTINGS', [f.PREFACE, f.request(1)], PROTOCOL],
  ['3.4', 'takes an empty SETTINGS first', [f.PREFACE, f.frame(f.SETTINGS, 0, 0), get()], OK],
]

/** Of RFC 9113, sections 3.4 to 8.5. */
export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...RAW.map((row) => ({ ...caseOf(row), isRaw: true as const })),
  ...[...CONNECTION_ROWS, ...FRAME_ROWS, ...MESSAGE_ROWS].map(caseOf),
]

function caseOf([section, title, send, expected, deviation]: Row): ConformanceCase {
  return { section, title, send, expected, ...(deviation === undefined ? {} : { deviation }) }
}
