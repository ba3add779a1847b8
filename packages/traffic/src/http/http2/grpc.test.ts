import type { NodeName } from '@edgeway/core'
import { endpointAt } from '@edgeway/testbed'
import {
  Client,
  credentials,
  type handleBidiStreamingCall,
  Metadata,
  Server,
  ServerCredentials,
  status,
} from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { Http2Lab } from './test/http2-lab.ts'

const same = (bytes: Buffer): Buffer => bytes
const METHOD = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
}
const ECHO = { path: '/lab.Echo/Talk', requestStream: true, responseStream: true, ...METHOD }

/** Sends each message back; `fail` and `hang` do what they say. */
async function startGrpcEndpoint(name: string) {
  const server = new Server()
  const seen: string[] = []
  const cancelled = Promise.withResolvers<void>()
  const talk: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    seen.push(name)
    call.on('cancelled', () => cancelled.resolve())
    call.on('error', () => {})
    call.on('data', (message: Buffer) => {
      const word = message.toString()
      if (word === 'fail') call.emit('error', { code: status.NOT_FOUND, details: 'no such message' })
      else if (word !== 'hang') call.write(message)
    })
    call.on('end', () => call.end(new Metadata()))
  }
  server.addService({ talk: ECHO }, { talk })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return {
    endpoint: endpointAt({ node: 'edge-1' as NodeName, ip: '127.0.0.1', port, protocol: 'TCP' }),
    seen,
    cancelled: cancelled.promise,
    /** As a pod does that is told to end. */
    drain: () => new Promise<void>((resolve) => server.tryShutdown(() => resolve())),
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  }
}

/** All kinds of calls are one kind on the wire. */
class Caller implements AsyncDisposable {
  readonly #client: Client

  constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  }

  open(deadlineMs?: number) {
    const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }
    const call = this.#client.makeBidiStreamRequest(ECHO.path, same, same, options)
    const code = new Promise<number>((resolve) => {
      call.on('status', (end) => resolve(end.code))
    })
    call.on('error', () => {})
    return { call, code }
  }

  /** @returns what came back, and the status */
  async send(...messages: readonly string[]): Promise<readonly [string, number]> {
    const { call, code } = this.open()
    let text = ''
    call.on('data', (message: Buffer) => {
      text += message.toString()
    })
    for (const message of messages) call.write(Buffer.from(message))
    call.end()
    return [await code.then(() => text), await code]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close()
  }
}

describe('gRPC', () => {
  it('has its calls spread over the endpoints, and its messages and statuses as they are', async () => {
    await using one = await startGrpcEndpoint('one')
    await using two = await startGrpcEndpoint('two')
    await using lab = await Http2Lab.start({ endpoints: [one.endpoint, two.endpoint] })
    await using caller = new Caller(lab.port)

    for (let count = 0; count < 100; count++)
      expect(await caller.send('a', 'b', 'c')).toEqual(['abc', status.OK])
    expect(one.seen.length).toBeGreaterThan(20)
    expect(two.seen.length).toBeGreaterThan(20)
    expect((await caller.send('fail'))[1]).toBe(status.NOT_FOUND)
    expect((await lab.ended(101)).at(-1)).toMatchObject({
      outcome: 'completed',
      grpcStatus: status.NOT_FOUND,
    })
  })

  it('is told UNAVAILABLE where there is no endpoint', async () => {
    await using lab = await Http2Lab.start({ endpoints: [] })
    await using caller = new Caller(lab.port)

    expect((await caller.send('a'))[1]).toBe(status.UNAVAILABLE)
  })

  it('has its cancellations and deadlines reach the endpoint', async () => {
    await using first = await startGrpcEndpoint('first')
    await using second = await startGrpcEndpoint('second')
    await using lab = await Http2Lab.start({ endpoints: [first.endpoint] })
    await using caller = new Caller(lab.port)
    const { call, code } = caller.open()
    call.write(Buffer.from('x'))
    await new Promise((resolve) => call.once('data', resolve))
    call.cancel()

    expect(await code).toBe(status.CANCELLED)
    await first.cancelled
    lab.set({}, [second.endpoint])
    const late = caller.open(100)
    late.call.write(Buffer.from('hang'))
    late.call.resume()
    expect(await late.code).toBe(status.DEADLINE_EXCEEDED)
    await second.cancelled
  })

  it('has no call fail while an endpoint is drained', async () => {
    await using one = await startGrpcEndpoint('one')
    await using two = await startGrpcEndpoint('two')
    await using lab = await Http2Lab.start({ endpoints: [one.endpoint, two.endpoint] })
    await using caller = new Caller(lab.port)
    const calls: Promise<readonly [string, number]>[] = []
    for (let round = 0; round < 40; round++) {
      calls.push(...Array.from({ length: 5 }, () => caller.send('a', 'b')))
      if (round === 10) void one.drain()
      if (round === 20) lab.set({}, [two.endpoint])
      await new Promise(setImmediate)
    }

    expect(new Set((await Promise.all(calls)).map(String))).toEqual(new Set([`ab,${status.OK}`]))
    expect(one.seen.length).toBeGreaterThan(0)
  })
})
