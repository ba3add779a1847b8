import { MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { findCriSocket } from './pod-runtime.ts'
import { type RuntimeOptions, RuntimeQuestions } from './runtime-questions.ts'

const { signal } = new AbortController()
const OPTIONS: RuntimeOptions = { criSocket: '/run/fake.sock', criTimeoutMs: 60_000 }

describe('findCriSocket', () => {
  it("prefers the kubelet's own runtime to the containerd that Docker brings along", () => {
    const present = new Set(['/run/cri-dockerd.sock', '/run/containerd/containerd.sock'])

    expect(findCriSocket('auto', (path) => present.has(path))).toBe('/run/cri-dockerd.sock')
    expect(findCriSocket('auto', (path) => path === '/run/containerd/containerd.sock')).toBe(
      '/run/containerd/containerd.sock',
    )
  })

  it('takes a configured path unseen, and none when there is none or it is off', () => {
    expect(findCriSocket('/run/mine.sock', () => false)).toBe('/run/mine.sock')
    expect(findCriSocket('auto', () => false)).toBeUndefined()
    expect(findCriSocket('off', () => true)).toBeUndefined()
  })
})

describe('RuntimeQuestions', () => {
  it('says each time once that a runtime fails and that it answers again', async () => {
    const logger = new MemoryLogger()
    let works = false
    const runningPods = async (): Promise<[]> => {
      if (!works) throw new Error('no')
      return []
    }
    const questions = new RuntimeQuestions(OPTIONS, async () => ({ runningPods }), logger)
    for (const now of [false, false, true, true, false, true]) {
      works = now
      await questions.ask(signal)
    }

    expect(logger.lines.map(({ level }) => level)).toEqual(['warn', 'info', 'warn', 'info'])
  })

  it('forgets what was answered', async () => {
    const answers = [[], undefined]
    const runningPods = async (): Promise<[]> => {
      if (answers.shift() === undefined) throw new Error('no')
      return []
    }
    const open = async (): Promise<{ runningPods: typeof runningPods }> => ({ runningPods })
    const questions = new RuntimeQuestions(OPTIONS, open, new MemoryLogger())

    expect(await questions.ask(signal)).toEqual([])
    questions.forget()
    expect(await questions.ask(signal)).toBeUndefined()
  })

  it('keeps nothing of an answer that comes after it was told to stop', async () => {
    const stop = new AbortController()
    const answers = [[], undefined]
    const runningPods = async (): Promise<[]> => {
      stop.abort()
      if (answers.shift() === undefined) throw new Error('no')
      return []
    }
    const questions = new RuntimeQuestions(OPTIONS, async () => ({ runningPods }), new MemoryLogger())

    await questions.ask(stop.signal)
    expect(await questions.ask(signal)).toBeUndefined()
  })

  it('asks nobody when it is off', async () => {
    const logger = new MemoryLogger()
    const open = (): Promise<never> => Promise.reject(new Error('opened'))

    expect(
      await new RuntimeQuestions({ ...OPTIONS, criSocket: 'off' }, open, logger).ask(signal),
    ).toBeUndefined()
    expect(logger.lines).toEqual([])
  })

  it('says nothing about a question that was broken off', async () => {
    const logger = new MemoryLogger()
    const stop = new AbortController()
    const runningPods = async (): Promise<never> => {
      stop.abort()
      throw new Error('broken off')
    }
    const questions = new RuntimeQuestions(OPTIONS, async () => ({ runningPods }), logger)

    expect(await questions.ask(stop.signal)).toBeUndefined()
    expect(logger.lines).toEqual([])
  })
})
