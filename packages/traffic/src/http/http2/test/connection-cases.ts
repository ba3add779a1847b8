import {
  BOTH,
  connectionError,
  get,
  HELD,
  IGNORED,
  MALFORMED,
  OK,
  PROTOCOL,
  type Row,
  SIZE,
  streamError,
} from './conformance-case.ts'
import * as f from './frames.ts'

const { END_HEADERS, END_STREAM, WITH_PRIORITY } = f

export const CONNECTION_ROWS: readonly Row[] = [
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
]
