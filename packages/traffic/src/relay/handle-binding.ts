import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { constants } from 'node:os'
import { TLSSocket } from 'node:tls'

/** A write under way. While the kernel has no room for all of it, `buffer` keeps its bytes from the garbage collector. */
export interface WriteRequest {
  oncomplete: (status: number) => void
  buffer: Uint8Array | undefined
}

/** The libuv stream under a socket: the part of it that moves bytes. Statuses are 0 or a negated errno. */
export interface StreamHandle {
  /** After each read; what it returns is the buffer of the next reads. */
  onread: () => Buffer | undefined
  /** Reads go to `buffer` from here on. Each call costs the handle some memory until it is closed. */
  useUserBuffer(buffer: Buffer): void
  readStart(): number
  readStop(): number
  /** Writes what the kernel takes at once; the rest later, if any: `HandleBinding.lastWriteWasAsync`. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  /** The same with text of which each code unit is one byte; what is left to be written was copied. */
  writeLatin1String(request: WriteRequest, text: string): number
  /** Bytes that wait for the kernel to take them, whoever wrote them: the socket above knows only of its own. */
  readonly writeQueueSize: number
  /** What the socket above believes; it starts reading, when it wants bytes, only where this is not true. */
  reading?: boolean
}

/** What of Node's inner streams the handle relay needs. */
export interface HandleBinding {
  /** @returns `undefined` for all but a plain TCP connection that is open */
  handleOf(socket: Socket): StreamHandle | undefined
  /** A request serves any number of writes until one of them was not done at once; then that write and no other. */
  newWrite(oncomplete: (status: number) => void): WriteRequest
  /** Within `onread`: bytes read, or a negated errno. */
  lastRead(): number
  lastWriteWasAsync(): boolean
}

/** libuv, uv/errno.h */
export const UV_EOF = -4095
/** The kernel's, negated. */
export const UV_EPIPE: number = -constants.errno.EPIPE

/** Its last letter is one byte in Latin-1, and two in UTF-8. */
const QUESTION = 'handlé'

/** The test of a working machine takes about a millisecond. */
const PROBE_TIMEOUT_MS = 2_000

/**
 * Node's inner stream classes. `process.binding` is deprecated (DEP0111, documentation only) and nothing else leads there,
 * so nothing is taken for granted: names, shapes, and then one real transfer.
 *
 * @returns `undefined` when anything is other than expected
 */
export async function loadHandleBinding(): Promise<HandleBinding | undefined> {
  try {
    const binding = bindingOf(innerModule('stream_wrap'), innerModule('tcp_wrap'))
    return binding !== undefined && (await carriesBytes(binding)) ? binding : undefined
  } catch {
    // A Node that no longer has it; callers have the stream relay.
    return undefined
  }
}

function innerModule(name: string): object {
  // biome-ignore lint/style/noRestrictedGlobals: the binding hangs on the process object, and belongs behind this door.
  const module: unknown = Reflect.apply(Reflect.get(process, 'binding'), process, [name])
  if (typeof module !== 'object' || module === null) throw new TypeError(`no binding ${name}`)
  return module
}

function bindingOf(streams: object, tcp: object): HandleBinding | undefined {
  const state: unknown = Reflect.get(streams, 'streamBaseState')
  const readIndex: unknown = Reflect.get(streams, 'kReadBytesOrError')
  const asyncIndex: unknown = Reflect.get(streams, 'kLastWriteWasAsync')
  const WriteWrap: unknown = Reflect.get(streams, 'WriteWrap')
  const Tcp: unknown = Reflect.get(tcp, 'TCP')
  if (!(state instanceof Int32Array) || typeof readIndex !== 'number' || typeof asyncIndex !== 'number')
    return
  if (typeof WriteWrap !== 'function' || typeof Tcp !== 'function') return
  return {
    handleOf: (socket) => {
      if (socket instanceof TLSSocket) return undefined
      const handle: unknown = Reflect.get(socket, '_handle')
      return handle instanceof Tcp && isStreamHandle(handle) ? handle : undefined
    },
    newWrite: (oncomplete) => {
      const request: WriteRequest = Object.assign(Reflect.construct(WriteWrap, []), {
        oncomplete,
        buffer: undefined,
      })
      return request
    },
    lastRead: () => state[readIndex] ?? UV_EOF,
    lastWriteWasAsync: () => state[asyncIndex] !== 0,
  }
}

const METHODS = ['useUserBuffer', 'readStart', 'readStop', 'writeBuffer', 'writeLatin1String'] as const

function isStreamHandle(handle: object): handle is StreamHandle {
  const hasMethods = METHODS.every((name) => typeof Reflect.get(handle, name) === 'function')
  return hasMethods && typeof Reflect.get(handle, 'writeQueueSize') === 'number'
}

/** Sends a question by a handle on a real connection, and reads the answer and the end by it. */
async function carriesBytes(binding: HandleBinding): Promise<boolean> {
  const server = createServer((peer) => {
    peer.on('error', () => {})
    let question = ''
    peer.on('data', (part: Buffer) => {
      question += part.toString('latin1')
      if (question.length === QUESTION.length) peer.end(question.toUpperCase(), 'latin1')
    })
  })
  const probe = Promise.withResolvers<boolean>()
  const late = setTimeout(() => probe.resolve(false), PROBE_TIMEOUT_MS)
  try {
    const client = await connected(server)
    client.on('error', () => probe.resolve(false))
    const handle = binding.handleOf(client)
    if (handle === undefined) return false
    ask(handle, binding, probe.resolve)
    const isRight = await probe.promise
    client.destroy()
    return isRight
  } finally {
    clearTimeout(late)
    server.close()
  }
}

async function connected(server: Server): Promise<Socket> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen')
  const client = connect({ port: address.port, host: address.address, allowHalfOpen: true })
  await once(client, 'connect')
  return client
}

function ask(handle: StreamHandle, binding: HandleBinding, answer: (isRight: boolean) => void): void {
  const first = Buffer.alloc(3)
  const second = Buffer.alloc(8)
  let filled = first
  let text = ''
  handle.readStop()
  handle.useUserBuffer(first)
  handle.onread = () => {
    const count = binding.lastRead()
    if (count < 0) answer(count === UV_EOF && text === QUESTION.toUpperCase())
    else text += filled.toString('latin1', 0, count)
    filled = second
    return second
  }
  if (handle.readStart() !== 0) answer(false)
  const request = binding.newWrite(() => {})
  if (handle.writeBuffer(request, Buffer.from(QUESTION.slice(0, 2))) !== 0) answer(false)
  if (handle.writeLatin1String(request, QUESTION.slice(2)) !== 0) answer(false)
}
