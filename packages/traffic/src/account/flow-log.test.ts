import { DialError, formatServicePortName, type LogLevel } from '@edgeway/core'
import { endpointsOf, MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { FlowLog } from './flow-log.ts'
import type { FlowOutcome, FlowRecord } from './flow-record.ts'

const [ENDPOINT] = endpointsOf('edge-2/10.1.0.2:80')
const FLOW: FlowRecord = {
  protocol: 'TCP',
  direction: 'outbound',
  outcome: 'completed',
  service: formatServicePortName('shop', 'web', 'http'),
  endpoint: ENDPOINT,
  path: 'relayed',
  client: '10.1.0.9:40000',
  bytesSent: 5,
  bytesReceived: 7,
  durationMs: 12.345,
  connectMs: 1.26,
  attempts: 2,
}

interface Setting {
  readonly ratio?: number
  readonly draws?: readonly number[]
  readonly enabled?: readonly LogLevel[]
}

function flowLog({ ratio = 0, draws = [], enabled }: Setting = {}) {
  const clock = { now: 0 }
  const rest = [...draws]
  const memory = new MemoryLogger()
  const logger = {
    info: memory.info.bind(memory),
    debug: memory.debug.bind(memory),
    isEnabled: (level: LogLevel) => enabled?.includes(level) ?? true,
  }
  const log = new FlowLog(
    { flowLogSampleRatio: ratio },
    { logger, now: () => clock.now, random: () => rest.shift() ?? 0.5 },
  )
  return { log, clock, lines: memory.lines, levels: () => memory.lines.map(({ level }) => level) }
}

function ended(outcome: FlowOutcome): FlowRecord {
  return { ...FLOW, outcome }
}

describe('FlowLog', () => {
  it('writes what is known of a flow on one line', () => {
    const { log, lines } = flowLog()
    log.ended(FLOW)

    const fields = { ...FLOW, endpoint: 'edge-2/10.1.0.2:80/TCP', durationMs: 12.3, connectMs: 1.3 }
    expect(lines).toEqual([{ level: 'debug', message: 'flow ended', fields }])
  })

  it('tells of the share of flows that was asked for at info, and of the others at debug', () => {
    const { log, levels } = flowLog({ ratio: 0.25, draws: [0.9, 0.25, 0.2499, 0] })
    for (let n = 0; n < 4; n++) log.ended(FLOW)

    expect(levels()).toEqual(['debug', 'debug', 'info', 'info'])
  })

  it.each([
    [0, 'debug'],
    [1, 'info'],
  ])('with a ratio of %s tells of all flows that ended well at %s', (ratio, level) => {
    const { log, levels } = flowLog({ ratio, draws: [0, 0.5, 0.999_999] })
    for (let n = 0; n < 3; n++) log.ended(FLOW)

    expect(levels()).toEqual([level, level, level])
  })

  it('tells of 20 flows of a sample in a second, and of all where all are wished', () => {
    for (const [ratio, expected] of [
      [0.9, 20],
      [1, 50],
    ] as const) {
      const { log, clock, levels } = flowLog({ ratio })
      for (let n = 0; n < 50; n++) log.ended(FLOW)
      expect(levels().filter((level) => level === 'info')).toHaveLength(expected)

      clock.now = 1_000
      log.ended(FLOW)
      expect(levels().at(-1)).toBe('info')
    }
  })

  it('tells of flows that did not end well at info, ten a minute, and then how many it left out', () => {
    const { log, clock, lines, levels } = flowLog()
    for (let n = 0; n < 25; n++) log.ended(ended('dial-failed'))
    expect(levels().filter((level) => level === 'info')).toHaveLength(10)
    expect(lines).toHaveLength(25)

    clock.now = 60_000
    log.ended(ended('dial-failed'))
    log.ended(ended('dial-failed'))
    expect(lines.slice(25)).toMatchObject([
      { level: 'info', fields: { leftOut: 15 } },
      { level: 'info', fields: expect.not.objectContaining({ leftOut: expect.anything() }) },
    ])
  })

  it('does not let a flood of one outcome hide another', () => {
    const { log, lines } = flowLog()
    for (let n = 0; n < 100; n++) log.ended(ended('client-reset'))
    log.ended(ended('no-endpoint'))

    expect(lines.at(-1)).toMatchObject({ level: 'info', fields: { outcome: 'no-endpoint' } })
  })

  it('takes a UDP session without an answer for an ordinary one', () => {
    const { log, levels } = flowLog()
    log.ended({ ...ended('no-answer'), protocol: 'UDP' })

    expect(levels()).toEqual(['debug'])
  })

  it.each([
    [
      'what a dial failed in',
      new DialError(FLOW.endpoint ?? expect.fail('no endpoint'), { failure: 'refused', reason: 'no' }),
      'refused',
    ],
    ['the code of an error', Object.assign(new Error('gone'), { code: 'ECONNRESET' }), 'ECONNRESET'],
    ['the message of an error without code', new Error('it broke'), 'it broke'],
    ['what is no error', 'odd', 'odd'],
  ])('gives %s as reason', (_what, error, reason) => {
    const { log, lines } = flowLog()
    log.ended({ ...ended('dial-failed'), error })

    expect(lines).toMatchObject([{ fields: { reason, error } }])
  })

  it('makes no line when nobody reads it', () => {
    const { log, lines } = flowLog({ enabled: ['error', 'warn', 'info'] })
    const unread = { ...FLOW }
    Object.defineProperty(unread, 'client', { enumerable: true, get: () => expect.fail('was read') })
    log.ended(unread)

    expect(lines).toEqual([])
  })

  it('writes at debug what info would have told, when info is off', () => {
    const { log, levels } = flowLog({ ratio: 1, enabled: ['debug'] })
    log.ended(ended('dial-failed'))

    expect(levels()).toEqual(['debug'])
  })
})
