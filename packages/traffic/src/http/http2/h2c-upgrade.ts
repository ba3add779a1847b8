/** What a client that wants HTTP/2 sends by HTTP/1.1, as far as it becomes stream 1 (RFC 7540, 3.2). */
export interface UpgradeRequest {
  readonly method: string
  /** Origin form, or `*`. */
  readonly target: string
  /** All lines of the head, in their order; names in any case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
const FRAME_HEAD_BYTES = 9
const SETTING_BYTES = 6
const MAX_FRAME_BYTES = 16_384
const HEADERS = 0x1
const SETTINGS = 0x4
const CONTINUATION = 0x9
const ACK = 0x1
const END_STREAM = 0x1
const END_HEADERS = 0x4

/** More than these are not taken at the start, which nobody has need of. */
const MAX_SETTINGS_BYTES = 32 * SETTING_BYTES

/** Of HTTP/1.1's connection only (RFC 9113, 8.2.2), or said otherwise in HTTP/2. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

/**
 * The client's settings, from the value of `HTTP2-Settings`: base64url of a SETTINGS frame's payload (RFC 7540, 3.2.1).
 *
 * @returns `undefined`: it is none, and the Upgrade is to be ignored
 */
export function upgradeSettings(value: string | undefined): Buffer | undefined {
  if (value === undefined || !/^[A-Za-z0-9_-]{0,512}={0,2}$/.test(value)) return undefined
  const payload = Buffer.from(value, 'base64url')
  const isSettings = payload.length % SETTING_BYTES === 0 && payload.length <= MAX_SETTINGS_BYTES
  // What does not come out again as it went in had stray bits at its end.
  return isSettings && payload.toString('base64url') === value.replace(/=+$/, '') ? payload : undefined
}

/**
 * What a session is to read in place of the client's preface, so that the request is its stream 1: the preface, one SETTINGS frame
 * with what the request said and then what the preface said, and the request. One frame, since the client expects to hear of one.
 *
 * @param received - what came after the `101`
 * @returns `undefined`: not all of the preface is there; `malformed`: it is none (RFC 9113, 3.4)
 */
export function upgradedStart(
  settings: Buffer,
  request: UpgradeRequest,
  received: Buffer,
): Buffer | 'malformed' | undefined {
  const known = Math.min(received.length, PREFACE.length)
  if (received.compare(PREFACE, 0, known, 0, known) !== 0) return 'malformed'
  const payloadAt = PREFACE.length + FRAME_HEAD_BYTES
  if (received.length < payloadAt) return undefined
  const length = received.readUIntBE(PREFACE.length, 3)
  const isSettings =
    received[PREFACE.length + 3] === SETTINGS && ((received[PREFACE.length + 4] ?? 0) & ACK) === 0
  if (
    !isSettings ||
    received.readUInt32BE(PREFACE.length + 5) !== 0 ||
    length > MAX_FRAME_BYTES - settings.length
  )
    return 'malformed'
  if (received.length < payloadAt + length) return undefined
  return Buffer.concat([
    PREFACE,
    frame(SETTINGS, { flags: 0, stream: 0 }, [settings, received.subarray(payloadAt, payloadAt + length)]),
    ...headersFrames(request),
    received.subarray(payloadAt + length),
  ])
}

function frame(
  type: number,
  { flags, stream }: { readonly flags: number; readonly stream: number },
  payload: readonly Buffer[],
): Buffer {
  const length = payload.reduce((sum, part) => sum + part.length, 0)
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  head.writeUIntBE(length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, ...payload])
}

/** The request has no body. Its fields may need more than one frame (RFC 9113, 6.10). */
function headersFrames(request: UpgradeRequest): Buffer[] {
  const block = Buffer.concat(fieldsOf(request).map(([name, value]) => literal(name.toLowerCase(), value)))
  const frames: Buffer[] = []
  for (let at = 0; at < block.length; at += MAX_FRAME_BYTES) {
    const isLast = at + MAX_FRAME_BYTES >= block.length
    const flags = (at === 0 ? END_STREAM : 0) | (isLast ? END_HEADERS : 0)
    const piece = block.subarray(at, at + MAX_FRAME_BYTES)
    frames.push(frame(at === 0 ? HEADERS : CONTINUATION, { flags, stream: 1 }, [piece]))
  }
  return frames
}

function fieldsOf({ method, target, fields }: UpgradeRequest): UpgradeRequest['fields'] {
  const dropped = new Set([...LEFT_OUT, ...wordsOf(fields, 'connection')])
  return [
    [':method', method],
    [':scheme', 'http'],
    [':authority', fields.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? ''],
    [':path', target],
    ...fields.filter(([name]) => !dropped.has(name.toLowerCase())),
    ...(wordsOf(fields, 'te').includes('trailers') ? [['te', 'trailers'] as const] : []),
  ]
}

/** Of all lines of that field, in lower case. */
function wordsOf(fields: UpgradeRequest['fields'], name: string): readonly string[] {
  return fields
    .filter(([known]) => known.toLowerCase() === name)
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((word) => word.trim())
}

/** Literal header field without indexing, new name, no Huffman code (RFC 7541, 6.2.2). */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  return Buffer.concat([prefixed7(bytes.length), bytes])
}

/** An integer with a prefix of seven bits, the first of which is 0 (RFC 7541, 5.1). */
function prefixed7(value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const bytes = [127]
  let rest = value - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}
