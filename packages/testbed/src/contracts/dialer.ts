import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { DialError, type Dialer, type DialTarget, type EndpointConnection, PATHS } from '@edgeway/core'
import type { FarEnd } from '../fakes/fake-dialer.ts'
import type { ContractCase } from './contract-case.ts'

/** A Dialer, and Endpoints of all kinds that it can be tried on. */
export interface DialerUnderTest extends AsyncDisposable {
  readonly dialer: Dialer
  /** An Endpoint that hands the far end of each connection to `serve`. */
  listen(serve: (far: FarEnd) => void): Promise<DialTarget>
  /** An Endpoint that refuses connections. */
  refusing(): Promise<DialTarget>
}

const BULK_BYTES = 4 * 1024 * 1024
const CHUNK_BYTES = 64 * 1024

/** What every Dialer holds to; each case opens a dialer of its own. */
export function dialerContract(open: () => Promise<DialerUnderTest>): readonly ContractCase[] {
  const withDialer =
    (run: (dialer: DialerUnderTest) => Promise<void>): ContractCase['run'] =>
    async () => {
      await using dialer = await open()
      await run(dialer)
    }
  return CASES.map(([title, run]) => ({ title, run: withDialer(run) }))
}

const CASES: readonly (readonly [string, (under: DialerUnderTest) => Promise<void>])[] = [
  ['says by which path it connected', namesThePath],
  ['carries bytes both ways unchanged, and ends each way by itself', carriesBothWays],
  ['lets the Endpoint speak first', letsTheEndpointSpeakFirst],
  ['delivers what comes together with the end of the stream', deliversTheLastBytes],
  ['lets the Endpoint answer after the caller has ended its way', answersAfterTheEnd],
  ['lets the caller go on after the Endpoint has ended its way', goesOnAfterTheEnd],
  ['shows a reset by the Endpoint as an error', showsFarReset],
  ['shows a reset by the caller to the Endpoint as an error', showsNearReset],
  ['holds the caller back while the Endpoint does not read', holdsBack],
  ['rejects with a DialError, to be tried elsewhere, where it is refused', rejectsWhenRefused],
  ['rejects with the reason of a signal that has aborted', rejectsWhenAborted],
  ['rejects with the reason of a signal that aborts meanwhile', rejectsWhenAbortedMeanwhile],
  ['leaves a connection alone when the signal aborts later', ignoresLateAbort],
]

async function namesThePath(under: DialerUnderTest): Promise<void> {
  const { near } = await connect(under)
  assert.ok(PATHS.includes(near.path))
  near.reset()
}

async function carriesBothWays(under: DialerUnderTest): Promise<void> {
  const { near, far } = await connect(under)
  const sent = [createHash('sha256'), createHash('sha256')] as const
  bytes(sent[0]).pipe(near.stream)
  bytes(sent[1]).pipe(far.stream)
  const [atNear, atFar] = await Promise.all([buffer(near.stream), buffer(far.stream)])
  assert.equal(digest(atFar), sent[0].digest('hex'))
  assert.equal(digest(atNear), sent[1].digest('hex'))
}

async function letsTheEndpointSpeakFirst(under: DialerUnderTest): Promise<void> {
  const target = await under.listen(({ stream }) => stream.resume().end('welcome'))
  const near = await under.dialer.dial(target, never())
  assert.equal(await text(near.stream), 'welcome')
  near.stream.end()
}

async function deliversTheLastBytes(under: DialerUnderTest): Promise<void> {
  const { near, far } = await connect(under)
  near.stream.end('to the endpoint')
  assert.equal(await text(far.stream), 'to the endpoint')
  far.stream.end('to the caller')
  assert.equal(await text(near.stream), 'to the caller')
}

async function answersAfterTheEnd(under: DialerUnderTest): Promise<void> {
  const { near, far } = await connect(under)
  near.stream.end('question')
  assert.equal(await text(far.stream), 'question')
  far.stream.write('one ')
  await once(near.stream, 'readable')
  far.stream.end('two')
  assert.equal(await text(near.stream), 'one two')
}

async function goesOnAfterTheEnd(under: DialerUnderTest): Promise<void> {
  const { near, far } = await connect(under)
  far.stream.end('greeting')
  assert.equal(await text(near.stream), 'greeting')
  near.stream.write('one ')
  await once(far.stream, 'readable')
  near.stream.end('two')
  assert.equal(await text(far.stream), 'one two')
}

async function showsFarReset(under: DialerUnderTest): Promise<void> {
  const { near, far } = await connect(under)
  const failed = once(near.stream.resume(), 'error')
  far.reset()
  await failed
}

async function showsNearReset(under: DialerUnderTest): Promise<void> {
  const { near, far } = await connect(under)
  const failed = once(far.stream.resume(), 'error')
  near.reset()
  await failed
}

/** The bytes of the stopped connection stay below what goes through another one meanwhile. */
async function holdsBack(under: DialerUnderTest): Promise<void> {
  const stopped = await connect(under)
  const wanted = createHash('sha256')
  const source = bytes(wanted, 64 * BULK_BYTES)
  let taken = 0
  source.on('data', (chunk: Buffer) => {
    taken += chunk.length
  })
  source.pipe(stopped.near.stream)
  for (let round = 0; round < 4; round++) await carriesBothWays(under)
  assert.ok(taken < 16 * BULK_BYTES, `the caller could send ${taken} bytes to an Endpoint that does not read`)
  source.destroy()
  stopped.near.reset()
}

async function rejectsWhenRefused(under: DialerUnderTest): Promise<void> {
  const target = await under.refusing()
  await assert.rejects(
    under.dialer.dial(target, never()),
    (error) => error instanceof DialError && error.retryable,
  )
}

async function rejectsWhenAborted(under: DialerUnderTest): Promise<void> {
  const target = await under.listen(({ reset }) => reset())
  const reason = new Error('not wanted')
  await assert.rejects(under.dialer.dial(target, AbortSignal.abort(reason)), reason)
}

async function rejectsWhenAbortedMeanwhile(under: DialerUnderTest): Promise<void> {
  const target = await under.listen(({ reset }) => reset())
  const controller = new AbortController()
  const reason = new Error('no longer wanted')
  const dialled = under.dialer.dial(target, controller.signal)
  controller.abort(reason)
  await assert.rejects(dialled, reason)
}

async function ignoresLateAbort(under: DialerUnderTest): Promise<void> {
  const target = await under.listen(({ stream }) => stream.pipe(stream))
  const controller = new AbortController()
  const near = await under.dialer.dial(target, controller.signal)
  controller.abort()
  near.stream.end('still here')
  assert.equal(await text(near.stream), 'still here')
}

async function connect(under: DialerUnderTest): Promise<{ near: EndpointConnection; far: FarEnd }> {
  const served = Promise.withResolvers<FarEnd>()
  const target = await under.listen(served.resolve)
  const near = await under.dialer.dial(target, never())
  return { near, far: await served.promise }
}

/** Random-looking bytes, in chunks, added to `hash` as they go out. */
function bytes(hash: Hash, total = BULK_BYTES): Readable {
  let left = total
  return new Readable({
    read() {
      const chunk = Buffer.alloc(CHUNK_BYTES, `${left}|`)
      left -= chunk.length
      if (left < 0) return void this.push(null)
      hash.update(chunk)
      this.push(chunk)
    },
  })
}

function digest(received: Buffer): string {
  return createHash('sha256').update(received).digest('hex')
}

function never(): AbortSignal {
  return new AbortController().signal
}
