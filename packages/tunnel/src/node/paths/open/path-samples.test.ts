import type { Connection } from '@libp2p/interface'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { PathSamples } from './path-samples.ts'

/** A connection that answers questions after those times, one after the other. */
function connectionAnswering(...answersMs: number[]): Connection & { asked(): number } {
  let asked = 0
  const ping = async (): Promise<number> => answersMs[asked++] ?? new Promise<number>(() => {})
  const muxer = { ping, createStream: () => {}, sendFrame: () => {} }
  return { status: 'open', direct: true, muxer, asked: () => asked } as never
}

const host = {
  node: { getConnections: () => [] },
  liveness: { ask: () => {}, rtt: () => 300 },
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

async function look(samples: PathSamples, connection: Connection, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    samples.sample([{ id: connection, condition: 'good' }], true)
    await vi.advanceTimersByTimeAsync(1_000)
  }
}

it('the round-trip time is the least of the last ones, and compared once there are three', async () => {
  const samples = new PathSamples({ host, tcpInfo: { read: () => undefined } })
  const connection = connectionAnswering(80, 30, 50, 60, 60, 60, 60, 60)
  await vi.advanceTimersByTimeAsync(10_000)
  await look(samples, connection, 2)
  expect([samples.rttMs(connection), samples.isMeasured(connection)]).toEqual([30, false])
  await look(samples, connection, 1)
  expect([samples.rttMs(connection), samples.isMeasured(connection)]).toEqual([30, true])
  await look(samples, connection, 30)
  expect(samples.rttMs(connection)).toBe(60)
})

it('a path is not asked again while it owes an answer, nor where nothing is to be chosen', async () => {
  const samples = new PathSamples({ host, tcpInfo: { read: () => undefined } })
  const silent = connectionAnswering()
  await look(samples, silent, 20)
  expect(silent.asked()).toBe(1)
  expect(samples.rttMs(silent)).toBe(300)

  const only = connectionAnswering(5)
  for (let second = 0; second < 20; second++) {
    samples.sample([{ id: only, condition: 'good' }], false)
    vi.advanceTimersByTime(1_000)
  }
  expect(only.asked()).toBe(0)
})

it('what the kernel counts is asked for every 5 s', async () => {
  let [reads, sent] = [0, 0]
  const read = () => {
    reads++
    sent += 100
    return { sent, sentAgain: sent / 10 }
  }
  const samples = new PathSamples({ host, tcpInfo: { read } })
  const connection = connectionAnswering()
  await vi.advanceTimersByTimeAsync(10_000)
  for (let second = 0; second < 20; second++) {
    samples.sample([{ id: connection, condition: 'good' }], false)
    await vi.advanceTimersByTimeAsync(1_000)
  }
  expect(reads).toBe(4)
  expect(samples.lossShare(connection)).toBeCloseTo(0.1)
})
