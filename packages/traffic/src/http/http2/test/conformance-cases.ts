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

const { END_HEADERS, END_STREAM, PADDED, WITH_PRIORITY, ACK } = f
const BOTH = END_HEADERS | END_STREAM

const streamError = (code: string): readonly string[] => [`RST_STREAM ${code}`, `GOAWAY ${code}`]
const connectionError = (code: string): readonly string[] => [`GOAWAY ${code}`, 'closed']
const PROTOCOL = connectionError('PROTOCOL_ERROR')
const MALFORMED = streamError('PROTOCOL_ERROR')
const SIZE = connectionError('FRAME_SIZE_ERROR')
const OK = ['answered']
const IGNORED = ['ignored']

const get = (...more: f.FieldLines): Buffer => f.request(1, [...f.GET, ...more])
/** A request whose endpoint neither reads nor answers. */
const HELD: f.FieldLines = [...f.POST.slice(0, 3), [':path', '/held']]
/** Of the usual four, that one otherwise. */
const but = (name: string, ...lines: f.FieldLines): Buffer =>
  f.request(1, [...f.GET.filter(([n]) => n !== name), ...lines])

type Row = readonly [string, string, readonly Buffer[], readonly string[], string?]

const ROWS: readonly Row[] = [
  ['4.1', 'ignores frames of unknown types', [f.frame(0x16, 0, 0, [1, 2, 3]), get()], OK],
  ['4.1', 'ignores flags that a type does not have', [f.frame(f.PING, 0x16, 0, Buffer.alloc(8)), get()], OK],
  [
    '4.1',
    'ignores the reserved bit of the stream identifier',
    [f.frame(f.PING, 0, 0x8000_0000, Buffer.alloc(8)), get()],
    OK,
  ],
  [
    '4.2',
    'takes a DATA frame of the greatest length',
    [f.headers(1, END_HEADERS, f.POST), f.frame(f.DATA, END_STREAM, 1, Buffer.alloc(16_384))],
    OK,
  ],
  [
    '4.2',
    'refuses a DATA frame that is longer',
    [f.headers(1, END_HEADERS, f.POST), f.frame(f.DATA, END_STREAM, 1, Buffer.alloc(16_385))],
    streamError('FRAME_SIZE_ERROR'),
  ],
  [
    '4.2',
    'refuses a HEADERS frame that is longer',
    [f.frame(f.HEADERS, BOTH, 1, Buffer.alloc(16_385))],
    SIZE,
  ],
  [
    '4.3',
    'refuses a field block that is none',
    [f.frame(f.HEADERS, BOTH, 1, [0x40])],
    connectionError('COMPRESSION_ERROR'),
  ],
  [
    '4.3',
    'refuses an index that is not in any table',
    [f.frame(f.HEADERS, BOTH, 1, [0xff, 0x7f])],
    connectionError('COMPRESSION_ERROR'),
  ],
  [
    '4.3',
    'refuses another frame within a field block',
    [f.headers(1, END_STREAM), f.frame(f.PING, 0, 0, Buffer.alloc(8))],
    PROTOCOL,
  ],
  ['4.3', 'refuses another stream within a field block', [f.headers(1, END_STREAM), f.request(3)], PROTOCOL],
  ['5.1', 'idle: refuses DATA', [f.frame(f.DATA, END_STREAM, 1, [1])], connectionError('PROTOCOL_ERROR')],
  ['5.1', 'idle: refuses RST_STREAM', [f.frame(f.RST_STREAM, 0, 1, f.uint32(8))], PROTOCOL],
  ['5.1', 'idle: refuses WINDOW_UPDATE', [f.frame(f.WINDOW_UPDATE, 0, 1, f.uint32(100))], PROTOCOL],
  [
    '5.1',
    'idle: refuses CONTINUATION',
    [f.frame(f.CONTINUATION, END_HEADERS, 1, f.fieldBlock(f.GET))],
    PROTOCOL,
  ],
  ['5.1', 'idle: takes PRIORITY', [f.frame(f.PRIORITY, 0, 3, [0, 0, 0, 0, 1]), get()], OK],
  [
    '5.1',
    'half-closed (remote): refuses DATA',
    [get(), f.frame(f.DATA, END_STREAM, 1, [1])],
    streamError('STREAM_CLOSED'),
  ],
  ['5.1', 'half-closed (remote): refuses HEADERS', [get(), get()], streamError('STREAM_CLOSED')],
  [
    '5.1',
    'half-closed (remote): refuses CONTINUATION',
    [get(), f.frame(f.CONTINUATION, END_HEADERS, 1)],
    [...connectionError('PROTOCOL_ERROR'), ...streamError('STREAM_CLOSED')],
  ],
  [
    '5.1',
    'closed by RST_STREAM: refuses or ignores DATA',
    [
      f.headers(1, END_HEADERS, HELD),
      f.frame(f.RST_STREAM, 0, 1, f.uint32(8)),
      f.frame(f.DATA, END_STREAM, 1, [1]),
    ],
    [...streamError('STREAM_CLOSED'), ...IGNORED],
  ],
  [
    '5.1',
    'closed by RST_STREAM: refuses or ignores HEADERS',
    [f.headers(1, END_HEADERS, HELD), f.frame(f.RST_STREAM, 0, 1, f.uint32(8)), get()],
    [...streamError('STREAM_CLOSED'), ...IGNORED],
  ],
  [
    '5.1',
    'closed by RST_STREAM: takes WINDOW_UPDATE and RST_STREAM',
    [
      f.headers(1, END_HEADERS, HELD),
      f.frame(f.RST_STREAM, 0, 1, f.uint32(8)),
      f.frame(f.WINDOW_UPDATE, 0, 1, f.uint32(1)),
      f.frame(f.RST_STREAM, 0, 1, f.uint32(8)),
    ],
    IGNORED,
  ],
  ['5.1.1', 'refuses an even stream identifier', [f.request(2)], PROTOCOL],
  [
    '5.1.1',
    'refuses a stream identifier that is lower than one before',
    [f.request(5), f.request(3)],
    [...PROTOCOL, ...connectionError('STREAM_CLOSED')],
    'answered',
  ],
  [
    '5.1.2',
    'refuses streams beyond the number that it allows',
    Array.from({ length: 300 }, (_, n) => f.headers(2 * n + 1, END_HEADERS, HELD)),
    [...streamError('REFUSED_STREAM'), ...MALFORMED],
  ],
  [
    '5.3.1',
    'refuses or ignores HEADERS of a stream that depends on itself',
    [
      f.frame(
        f.HEADERS,
        BOTH | WITH_PRIORITY,
        1,
        Buffer.concat([f.uint32(1), Buffer.from([15]), f.fieldBlock(f.GET)]),
      ),
    ],
    [...MALFORMED, ...OK],
  ],
  [
    '5.3.1',
    'refuses or ignores PRIORITY of a stream that depends on itself',
    [f.frame(f.PRIORITY, 0, 1, Buffer.concat([f.uint32(1), Buffer.from([15])])), get()],
    [...MALFORMED, ...OK],
  ],
  [
    '5.4',
    'goes on with other streams after the error of one',
    [f.request(1, [...f.GET, ['connection', 'close']]), f.request(3)],
    MALFORMED,
  ],
  [
    '5.5',
    'refuses an unknown frame within a field block',
    [f.headers(1, END_STREAM), f.frame(0x16, 0, 0, [1])],
    PROTOCOL,
  ],
  ['6.1', 'refuses DATA of stream 0', [f.frame(f.DATA, END_STREAM, 0, [1])], PROTOCOL],
  [
    '6.1',
    'takes padding',
    [f.headers(1, END_HEADERS, f.POST), f.frame(f.DATA, END_STREAM | PADDED, 1, [2, 1, 0, 0])],
    OK,
  ],
  [
    '6.1',
    'refuses padding that is longer than the payload',
    [f.headers(1, END_HEADERS, f.POST), f.frame(f.DATA, END_STREAM | PADDED, 1, [9, 1, 0])],
    PROTOCOL,
  ],
  ['6.2', 'refuses HEADERS of stream 0', [f.request(0)], PROTOCOL],
  [
    '6.2',
    'takes a priority and padding',
    [
      f.frame(
        f.HEADERS,
        BOTH | WITH_PRIORITY | PADDED,
        1,
        Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 1]), f.fieldBlock(f.GET), Buffer.from([0])]),
      ),
    ],
    OK,
  ],
  [
    '6.2',
    'refuses padding that is longer than the field block',
    [f.frame(f.HEADERS, BOTH | PADDED, 1, Buffer.concat([Buffer.from([255]), f.fieldBlock(f.GET)]))],
    PROTOCOL,
  ],
  ['6.3', 'refuses PRIORITY of stream 0', [f.frame(f.PRIORITY, 0, 0, [0, 0, 0, 0, 1])], PROTOCOL, 'ignored'],
  [
    '6.3',
    'refuses PRIORITY of another length than 5',
    [f.frame(f.PRIORITY, 0, 1, [0, 0, 0, 0])],
    streamError('FRAME_SIZE_ERROR'),
  ],
  ['6.4', 'refuses RST_STREAM of stream 0', [f.frame(f.RST_STREAM, 0, 0, f.uint32(8))], PROTOCOL],
  [
    '6.4',
    'refuses RST_STREAM of another length than 4',
    [f.headers(1, END_HEADERS, HELD), f.frame(f.RST_STREAM, 0, 1, [0, 0, 8])],
    SIZE,
  ],
  ['6.5', 'refuses an acknowledgement with a payload', [f.frame(f.SETTINGS, ACK, 0, f.setting(1, 1))], SIZE],
  ['6.5', 'refuses SETTINGS of a stream', [f.frame(f.SETTINGS, 0, 1)], PROTOCOL],
  ['6.5', 'refuses SETTINGS whose length is no multiple of 6', [f.frame(f.SETTINGS, 0, 0, [0, 1, 0])], SIZE],
  [
    '6.5',
    'refuses an acknowledgement of nothing',
    [f.frame(f.SETTINGS, ACK, 0), f.frame(f.SETTINGS, ACK, 0), f.frame(f.SETTINGS, ACK, 0)],
    [...PROTOCOL, ...IGNORED],
  ],
  ['6.5.2', 'refuses ENABLE_PUSH other than 0 and 1', [f.frame(f.SETTINGS, 0, 0, f.setting(2, 2))], PROTOCOL],
  [
    '6.5.2',
    'refuses INITIAL_WINDOW_SIZE above 2^31 - 1',
    [f.frame(f.SETTINGS, 0, 0, f.setting(4, 0x8000_0000))],
    connectionError('FLOW_CONTROL_ERROR'),
  ],
  [
    '6.5.2',
    'refuses MAX_FRAME_SIZE below 16,384',
    [f.frame(f.SETTINGS, 0, 0, f.setting(5, 16_383))],
    PROTOCOL,
  ],
  [
    '6.5.2',
    'refuses MAX_FRAME_SIZE above 2^24 - 1',
    [f.frame(f.SETTINGS, 0, 0, f.setting(5, 16_777_216))],
    PROTOCOL,
  ],
  ['6.5.2', 'ignores unknown settings', [f.frame(f.SETTINGS, 0, 0, f.setting(0xff, 1)), get()], OK],
  [
    '6.5.3',
    'takes the last of two values of one setting',
    [f.frame(f.SETTINGS, 0, 0, Buffer.concat([f.setting(4, 0), f.setting(4, 65_535)])), get()],
    OK,
  ],
  [
    '6.6',
    'refuses PUSH_PROMISE of a client',
    [get(), f.frame(f.PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([f.uint32(2), f.fieldBlock(f.GET)]))],
    PROTOCOL,
  ],
  ['6.7', 'refuses PING of a stream', [f.frame(f.PING, 0, 1, Buffer.alloc(8))], PROTOCOL],
  ['6.7', 'refuses PING of another length than 8', [f.frame(f.PING, 0, 0, Buffer.alloc(6))], SIZE],
  [
    '6.7',
    'does not answer an acknowledgement',
    [f.frame(f.PING, ACK, 0, Buffer.alloc(8, 0xee)), get()],
    OK,
    'GOAWAY INTERNAL_ERROR',
  ],
  ['6.8', 'refuses GOAWAY of a stream', [f.frame(f.GOAWAY, 0, 1, Buffer.alloc(8))], PROTOCOL],
  [
    '6.9',
    'refuses an increment of 0 of the connection',
    [f.frame(f.WINDOW_UPDATE, 0, 0, f.uint32(0))],
    PROTOCOL,
  ],
  [
    '6.9',
    'refuses an increment of 0 of a stream',
    [f.headers(1, END_HEADERS, HELD), f.frame(f.WINDOW_UPDATE, 0, 1, f.uint32(0))],
    MALFORMED,
  ],
  [
    '6.9',
    'refuses WINDOW_UPDATE of another length than 4',
    [f.frame(f.WINDOW_UPDATE, 0, 0, [0, 0, 1])],
    SIZE,
  ],
  [
    '6.9.1',
    'refuses more than the window of a stream',
    [
      f.headers(1, END_HEADERS, HELD),
      ...Array.from({ length: 128 }, () => f.frame(f.DATA, 0, 1, Buffer.alloc(16_384))),
    ],
    streamError('FLOW_CONTROL_ERROR'),
  ],
  [
    '6.9.1',
    'refuses a window of the connection above 2^31 - 1',
    [f.frame(f.WINDOW_UPDATE, 0, 0, f.uint32(0x7fff_ffff))],
    connectionError('FLOW_CONTROL_ERROR'),
  ],
  [
    '6.9.1',
    'refuses a window of a stream above 2^31 - 1',
    [f.headers(1, END_HEADERS, HELD), f.frame(f.WINDOW_UPDATE, 0, 1, f.uint32(0x7fff_ffff))],
    streamError('FLOW_CONTROL_ERROR'),
  ],
  [
    '6.9.2',
    'refuses SETTINGS that make a window too large',
    [
      f.headers(1, END_HEADERS, HELD),
      f.frame(f.WINDOW_UPDATE, 0, 1, f.uint32(0x7fff_0000)),
      f.frame(f.SETTINGS, 0, 0, f.setting(4, 0x7fff_ffff)),
    ],
    [...connectionError('FLOW_CONTROL_ERROR'), ...streamError('FLOW_CONTROL_ERROR')],
  ],
  [
    '6.10',
    'takes several CONTINUATION frames',
    [
      f.frame(f.HEADERS, END_STREAM, 1, f.fieldBlock(f.GET)),
      f.frame(f.CONTINUATION, 0, 1, f.fieldBlock([['a', 'b']])),
      f.frame(f.CONTINUATION, END_HEADERS, 1, f.fieldBlock([['c', 'd']])),
    ],
    OK,
  ],
  [
    '6.10',
    'refuses CONTINUATION of stream 0',
    [f.headers(1, END_STREAM), f.frame(f.CONTINUATION, END_HEADERS, 0)],
    PROTOCOL,
  ],
  [
    '6.10',
    'refuses CONTINUATION of a stream without a field block',
    [get(), f.frame(f.CONTINUATION, END_HEADERS, 1, f.fieldBlock([['a', 'b']]))],
    PROTOCOL,
  ],
  [
    '6.10',
    'bounds CONTINUATION frames (CVE-2024-27316)',
    [
      f.headers(1, END_STREAM),
      ...Array.from({ length: 64 }, () => f.frame(f.CONTINUATION, 0, 1, f.fieldBlock([['a', 'b']]))),
    ],
    connectionError('ENHANCE_YOUR_CALM').concat('GOAWAY INTERNAL_ERROR', 'GOAWAY PROTOCOL_ERROR'),
  ],
  [
    '7',
    'takes unknown error codes',
    [f.headers(1, END_HEADERS, HELD), f.frame(f.RST_STREAM, 0, 1, f.uint32(0xff)), f.request(3)],
    OK,
  ],
  [
    '8.1',
    'refuses a second HEADERS without END_STREAM',
    [f.headers(1, END_HEADERS, HELD), f.headers(1, END_HEADERS, [['x-a', 'b']])],
    MALFORMED,
  ],
  [
    '8.1',
    'takes trailers',
    [f.headers(1, END_HEADERS, f.POST), f.frame(f.DATA, 0, 1, [1]), f.headers(1, BOTH, [['x-a', 'b']])],
    OK,
  ],
  [
    '8.1',
    'refuses pseudo-header fields in trailers',
    [f.headers(1, END_HEADERS, HELD), f.headers(1, BOTH, [[':path', '/']])],
    MALFORMED,
  ],
  [
    '8.1.1',
    'refuses a body that is longer than its content-length',
    [f.headers(1, END_HEADERS, [...HELD, ['content-length', '1']]), f.frame(f.DATA, END_STREAM, 1, [1, 2])],
    MALFORMED,
    'GOAWAY INTERNAL_ERROR',
  ],
  [
    '8.1.1',
    'refuses a body that is shorter than its content-length',
    [f.headers(1, END_HEADERS, [...HELD, ['content-length', '3']]), f.frame(f.DATA, END_STREAM, 1, [1, 2])],
    MALFORMED,
  ],
  [
    '8.1.1',
    'refuses two content-lengths',
    [get(['content-length', '0'], ['content-length', '0'])],
    MALFORMED,
  ],
  ['8.1.1', 'refuses a content-length that is no number', [get(['content-length', '+0'])], MALFORMED],
  ['8.2', 'refuses field names with capitals', [get(['X-A', 'b'])], MALFORMED],
  ['8.2.1', 'refuses names with a space', [get(['x a', 'b'])], MALFORMED, 'answered'],
  ['8.2.1', 'refuses empty names', [get(['', 'b'])], MALFORMED, 'answered'],
  ['8.2.1', 'refuses names with a colon', [get(['x:a', 'b'])], MALFORMED, 'answered'],
  ['8.2.1', 'refuses names with bytes above 0x7f', [get(['x\xe9', 'b'])], MALFORMED, 'answered'],
  ['8.2.1', 'refuses CR and LF in values', [get(['x-a', 'b\r\nc: d'])], MALFORMED, 'answered'],
  ['8.2.1', 'refuses NUL in values', [get(['x-a', 'b\0'])], MALFORMED, 'answered'],
  ['8.2.1', 'refuses values that begin or end with a space', [get(['x-a', ' b'])], MALFORMED, 'answered'],
  ['8.2.2', 'refuses Connection', [get(['connection', 'keep-alive'])], MALFORMED],
  ['8.2.2', 'refuses Transfer-Encoding', [get(['transfer-encoding', 'chunked'])], MALFORMED],
  ['8.2.2', 'refuses Keep-Alive, Proxy-Connection and Upgrade', [get(['keep-alive', '1'])], MALFORMED],
  ['8.2.2', 'refuses Upgrade', [get(['upgrade', 'h2c'])], MALFORMED],
  ['8.2.2', 'refuses TE other than trailers', [get(['te', 'gzip'])], MALFORMED],
  ['8.2.2', 'takes TE: trailers', [get(['te', 'trailers'])], OK],
  ['8.2.3', 'takes cookies in several lines', [get(['cookie', 'a=1'], ['cookie', 'b=2'])], OK],
  ['8.3', 'refuses unknown pseudo-header fields', [get([':x', 'b'])], MALFORMED],
  ['8.3', 'refuses those of responses', [get([':status', '200'])], MALFORMED],
  ['8.3', 'refuses those after other fields', [f.request(1, [['x-a', 'b'], ...f.GET])], MALFORMED],
  ['8.3.1', 'refuses a request without :method', [but(':method')], MALFORMED],
  ['8.3.1', 'refuses a request without :scheme', [but(':scheme')], MALFORMED],
  ['8.3.1', 'refuses a request without :path', [but(':path')], MALFORMED],
  ['8.3.1', 'refuses an empty :path', [but(':path', [':path', ''])], MALFORMED],
  ['8.3.1', 'refuses a :path that does not begin with a slash', [but(':path', [':path', 'a/b'])], MALFORMED],
  ['8.3.1', 'refuses a :path with a space', [but(':path', [':path', '/a b'])], MALFORMED],
  [
    '8.3.1',
    'takes an asterisk for OPTIONS',
    [f.request(1, [[':method', 'OPTIONS'], ...f.GET.slice(1, 3), [':path', '*']])],
    OK,
  ],
  ['8.3.1', 'refuses an asterisk for others', [but(':path', [':path', '*'])], MALFORMED],
  ['8.3.1', 'refuses two of :method', [get([':method', 'GET'])], MALFORMED],
  ['8.3.1', 'refuses two of :path', [get([':path', '/'])], MALFORMED],
  [
    '8.3.1',
    'refuses user information in :authority',
    [but(':authority', [':authority', 'a@b'])],
    [...MALFORMED, ...OK],
  ],
  ['8.3.1', 'refuses a request without any authority', [but(':authority')], MALFORMED],
  ['8.3.1', 'refuses two of Host', [but(':authority', ['host', 'a'], ['host', 'b'])], MALFORMED],
  [
    '8.5',
    'refuses CONNECT with a path',
    [
      f.request(1, [
        [':method', 'CONNECT'],
        [':authority', 'a:1'],
        [':path', '/'],
      ]),
    ],
    MALFORMED,
  ],
  [
    '8.5',
    'refuses extended CONNECT, which it did not offer',
    [f.request(1, [[':method', 'CONNECT'], ...f.GET.slice(1), [':protocol', 'websocket']])],
    MALFORMED,
  ],
]

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

export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...RAW.map((row) => ({ ...caseOf(row), isRaw: true as const })),
  ...ROWS.map(caseOf),
]

function caseOf([section, title, send, expected, deviation]: Row): ConformanceCase {
  return { section, title, send, expected, ...(deviation === undefined ? {} : { deviation }) }
}
