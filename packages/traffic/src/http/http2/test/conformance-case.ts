import * as f from './frames.ts'

/**
 * One thing that a client may send after its preface and SETTINGS, and what RFC 9113 has a server make of it: `answered`, `ignored`,
 * `closed`, or the frame that tells of the error. A stream error may be treated as one of the connection (5.4.1).
 */
export interface ConformanceCase {
  readonly section: string
  readonly title: string
  readonly send: readonly Buffer[]
  readonly expected: readonly string[]
  /** What node:http2 does instead. */
  readonly deviation?: string
  /** Before the preface and SETTINGS, which are left out. */
  readonly isRaw?: true
}

/** A whole request in one frame. */
export const BOTH = f.END_HEADERS | f.END_STREAM

export const streamError = (code: string): readonly string[] => [`RST_STREAM ${code}`, `GOAWAY ${code}`]
export const connectionError = (code: string): readonly string[] => [`GOAWAY ${code}`, 'closed']
export const PROTOCOL = connectionError('PROTOCOL_ERROR')
export const MALFORMED = streamError('PROTOCOL_ERROR')
export const SIZE = connectionError('FRAME_SIZE_ERROR')
export const OK = ['answered']
export const IGNORED = ['ignored']

export const get = (...more: f.FieldLines): Buffer => f.request(1, [...f.GET, ...more])
/** A request whose endpoint neither reads nor answers. */
export const HELD: f.FieldLines = [...f.POST.slice(0, 3), [':path', '/held']]
/** Of the usual four, that one otherwise. */
export const but = (name: string, ...lines: f.FieldLines): Buffer =>
  f.request(1, [...f.GET.filter(([n]) => n !== name), ...lines])

/** Section, title, what is sent, what may come of it, and what node:http2 makes of it instead. */
export type Row = readonly [string, string, readonly Buffer[], readonly string[], string?]
