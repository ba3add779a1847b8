import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeField, WireMessage } from '../../src/own-endpoints/cri/wire.ts'
import { CONTAINERD_LIST, CONTAINERD_STATUS } from './containerd-answers.ts'

export interface FakeSandbox {
  readonly id: string
  readonly name: string
  readonly ips: readonly string[]
}

/** A message, or a gRPC status that is no success. */
type Answer = Buffer | { readonly status: number; readonly reason: string }

/** A container runtime on a unix socket of its own, which answers as containerd has, or with sandboxes that are set. */
export class FakeCri implements AsyncDisposable {
  readonly socketPath: string
  /** Methods that were called, with the sandbox they were about. */
  readonly calls: string[] = []
  /** `silent` answers nothing. */
  mood: 'answers' | 'silent' | 'unimplemented' | 'compressed' = 'answers'
  /** Id of the sandbox that nothing can be told of. */
  broken: string | undefined
  readonly #folder: string
  readonly #server: Http2Server
  readonly #sessions = new Set<ServerHttp2Session>()
  #sandboxes: readonly FakeSandbox[] | 'recorded' = 'recorded'

  private constructor(folder: string) {
    this.#folder = folder
    this.socketPath = join(folder, 'cri.sock')
    this.#server = createServer()
    this.#server.on('session', (session) => {
      this.#sessions.add(session)
      session.on('close', () => this.#sessions.delete(session))
      // Clients leave by hanging up.
      session.on('error', () => {})
    })
    this.#server.on('stream', (stream, headers) => void this.#serve(stream, String(headers[':path'])))
  }

  static async start(): Promise<FakeCri> {
    const cri = new FakeCri(await mkdtemp(join(tmpdir(), 'fake-cri-')))
    cri.#server.listen(cri.socketPath)
    await once(cri.#server, 'listening')
    return cri
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sessions.size
  }

  setSandboxes(...sandboxes: readonly FakeSandbox[]): void {
    this.#sandboxes = sandboxes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const session of this.#sessions) session.destroy()
    await closed
    await rm(this.#folder, { recursive: true })
  }

  async #serve(stream: ServerHttp2Stream, path: string): Promise<void> {
    stream.on('error', () => {})
    const request = new WireMessage(Buffer.concat(await Array.fromAsync(stream)).subarray(5))
    const method = path.replace('/runtime.v1.RuntimeService/', '')
    const id = request.string(1)
    this.calls.push(method === 'PodSandboxStatus' ? `${method} ${id}` : method)
    if (this.mood === 'silent') return
    const answer = this.#answer(method, id)
    if (!Buffer.isBuffer(answer)) {
      const trailers = { 'grpc-status': answer.status, 'grpc-message': answer.reason }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true })
      return
    }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': 0, 'grpc-message': '' }))
    const prefix = Buffer.alloc(5)
    prefix.writeUInt8(this.mood === 'compressed' ? 1 : 0)
    prefix.writeUInt32BE(answer.length, 1)
    stream.end(Buffer.concat([prefix, answer]))
  }

  #answer(method: string, id: string): Answer {
    if (this.mood === 'unimplemented')
      return { status: 12, reason: 'unknown service runtime.v1.RuntimeService' }
    if (method === 'ListPodSandbox') return this.#list()
    if (id === this.broken) return { status: 14, reason: 'unavailable' }
    return this.#status(id) ?? { status: 5, reason: `an error occurred when try to find sandbox: not found` }
  }

  #list(): Buffer {
    if (this.#sandboxes === 'recorded') return Buffer.from(CONTAINERD_LIST, 'base64')
    return Buffer.concat(this.#sandboxes.map(({ id }) => encodeField(1, encodeField(1, id))))
  }

  #status(id: string): Buffer | undefined {
    if (this.#sandboxes === 'recorded') {
      const recorded = CONTAINERD_STATUS[id]
      return recorded === undefined ? undefined : Buffer.from(recorded, 'base64')
    }
    const sandbox = this.#sandboxes.find((candidate) => candidate.id === id)
    if (sandbox === undefined || sandbox.name === 'gone') return undefined
    const { name, ips } = sandbox
    const [ip = '', ...more] = ips
    const metadata = Buffer.concat([
      encodeField(1, name),
      encodeField(2, `uid-${name}`),
      encodeField(3, 'shop'),
    ])
    const network = Buffer.concat([
      encodeField(1, ip),
      ...more.map((other) => encodeField(2, encodeField(1, other))),
    ])
    return encodeField(
      1,
      Buffer.concat([encodeField(1, id), encodeField(2, metadata), encodeField(5, network)]),
    )
  }
}
