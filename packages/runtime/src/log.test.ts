import { DialError } from '@edgeway/core'
import { expect, it } from 'vitest'
import { createLogger } from './log.ts'

function recordLines() {
  const lines: Record<string, unknown>[] = []
  return { lines, destination: { write: (text: string) => void lines.push(JSON.parse(text)) } }
}

it('writes one JSON object per line, with the fields of its parents', () => {
  const { lines, destination } = recordLines()

  createLogger({ level: 'info' }, destination)
    .child({ component: 'dns' })
    .info('zone changed', { records: 3 })

  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      component: 'dns',
      records: 3,
      message: 'zone changed',
    },
  ])
})

it('writes only what is at least as important as its level', () => {
  const { lines, destination } = recordLines()
  const logger = createLogger({ level: 'warn' }, destination)

  logger.debug('a')
  logger.info('b')
  logger.warn('c')
  logger.error('d')

  expect(lines.map(({ message }) => message)).toEqual(['c', 'd'])
})

it('writes an error with its code, its message and all its causes', () => {
  const { lines, destination } = recordLines()
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const error = new DialError(
    { node: undefined, ip: '10.1.0.1', port: 80, protocol: 'TCP' },
    { failure: 'refused', reason: 'refused' },
    { cause: new AggregateError([refused], 'all addresses failed') },
  )

  createLogger({ level: 'info' }, destination).warn('flow failed', { error })

  expect(lines[0]).toMatchObject({
    error: {
      name: 'DialError',
      code: 'ERR_DIAL',
      message: "can't connect to -/10.1.0.1:80/TCP: refused",
      causes: [
        { name: 'AggregateError', message: 'all addresses failed' },
        { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
      ],
    },
  })
})

it('shows the stack only of errors that nobody threw on purpose', () => {
  const { lines, destination } = recordLines()
  const logger = createLogger({ level: 'info' }, destination)

  logger.error('bug', { error: new TypeError('x is undefined') })
  logger.error('expected', { error: Object.assign(new Error('gone'), { code: 'ENOENT' }) })

  expect(lines[0]).toHaveProperty('error.stack', expect.stringContaining('log.test.ts'))
  expect(lines[1]).not.toHaveProperty('error.stack')
})

it('ends a chain of causes that bites its own tail', () => {
  const { lines, destination } = recordLines()
  const error = new Error('a')
  error.cause = error

  createLogger({ level: 'info' }, destination).error('loop', { error })

  expect(lines).toHaveLength(1)
})
