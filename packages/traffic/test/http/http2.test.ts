import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, createServer, type Http2Server } from 'node:http2'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import type { Endpoint, Service } from '@edgeway/core'
import { endpointsOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { NODE, TrafficLab } from '../traffic-lab.ts'
import { RELAY_ENGINES, statusesOf } from './http-lab.ts'

const GRPC = { 'edgeway.io/topology': 'any', 'edgeway.io/protocol': 'grpc' }

/** A server of HTTP/2 in plain text that answers with its name. */
class Origin implements AsyncDisposable {
  readonly #server: Http2Server

  private constructor(server: Http2Server) {
    this.#server = server
  }

  static async start(name: string): Promise<Origin> {
    const server = createServer()
    server.on('stream', (stream, headers) => {
      stream.respond({ ':status': 200 })
      stream.end(`${name} at ${headers[':path']}`)
    })
    server.on('session', (session) => session.on('error', () => {}))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Origin(server)
  }

  get endpoint(): Endpoint {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the origin does not listen')
    const [endpoint] = endpointsOf(`${NODE}/127.0.0.1:${address.port}`)
    if (endpoint === undefined) throw new Error('endpointsOf makes one of each text')
    return endpoint
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
  }
}

async function ask(session: ClientHttp2Session, path: string): Promise<string> {
  return await text(session.request({ ':path': path }).setEncoding('utf8'))
}

describe.each(RELAY_ENGINES)('HTTP/2 by relay engine %s', (relayEngine) => {
  async function start(
    origins: readonly Origin[],
    annotations: Service['annotations'] = {},
  ): Promise<{ lab: TrafficLab; service: ReturnType<TrafficLab['addService']> }> {
    const lab = await TrafficLab.start({ relayEngine, flowLogSampleRatio: 1 })
    const service = lab.addService(
      'shop/api:main',
      origins.map(({ endpoint }) => endpoint),
      { annotations: { ...GRPC, ...annotations } },
    )
    return { lab, service }
  }

  it('spreads the requests of one connection over all endpoints, as their Service wishes', async () => {
    await using scope = new AsyncDisposableStack()
    const origins = [
      scope.use(await Origin.start('a')),
      scope.use(await Origin.start('b')),
      scope.use(await Origin.start('c')),
    ]
    const { lab, service } = await start(origins, { 'edgeway.io/balancing': 'round-robin' })
    scope.use(lab)
    const socket = await lab.connect(service)
    const session = connect('http://api.shop', { createConnection: () => socket })

    const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => ask(session, `/${n}`)))
    session.close()

    const counts = ['a', 'b', 'c'].map((name) => answers.filter((answer) => answer.startsWith(name)).length)
    expect(counts).toEqual([100, 100, 100])
    expect(await lab.linesOf('request ended', 300)).toMatchObject(
      Array.from({ length: 300 }, () => ({ protocol: 'http2', outcome: 'completed', status: 200 })),
    )
  })

  it('is taken up from HTTP/1.1, also after requests of that', async () => {
    await using scope = new AsyncDisposableStack()
    const origins = [scope.use(await Origin.start('a')), scope.use(await Origin.start('b'))]
    const { lab, service } = await start(origins)
    scope.use(lab)
    const { port } = lab.traffic.listeners.listener(service, 'IPv4') ?? expect.fail()
    const url = `http://127.0.0.1:${port}/up`

    const { stdout } = await promisify(execFile)('curl', [
      '-sv',
      '--http2',
      '--interface',
      '127.0.1.1',
      url,
      url,
    ])

    expect(stdout).toMatch(/^[ab] at \/up[ab] at \/up$/)
  })

  it('is not taken up where nobody declares it: the request is answered by HTTP/1.1', async () => {
    await using scope = new AsyncDisposableStack()
    const { lab, service } = await start([], { 'edgeway.io/protocol': 'http', 'edgeway.io/forwarding': 'l7' })
    scope.use(lab)
    const client = await lab.connect(service)
    client.end(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    )

    expect(statusesOf(await text(client))).toEqual([503])
  })

  it('lets a client go at the stop, after its last request', async () => {
    await using scope = new AsyncDisposableStack()
    const origins = [scope.use(await Origin.start('a')), scope.use(await Origin.start('b'))]
    const { lab, service } = await start(origins)
    const socket = await lab.connect(service)
    const session = connect('http://api.shop', { createConnection: () => socket })
    await ask(session, '/')
    const closed = once(session, 'close')

    await lab[Symbol.asyncDispose]()

    await closed
  })
})
