import { describe, expect, it } from 'vitest'
import { parseServerAddress } from '../../addresses.ts'
import { chooseReflectors, type ReflectingServer } from './choose-reflectors.ts'

const server = (address: string, ...reflectorPorts: number[]): ReflectingServer => ({
  address: parseServerAddress(address),
  reflectorPorts,
})

describe('the reflectors to ask', () => {
  it.each([
    [
      'two of different servers',
      [server('a.example:1', 10, 11), server('[fd00::b]:1', 20)],
      ['a.example 10', 'fd00::b 20'],
    ],
    ['both of one server', [server('a:1', 10, 11)], ['a 10', 'a 11']],
    ['the only one', [server('a:1', 10)], ['a 10']],
    ['none of a server without', [server('a:1'), server('b:1', 20, 21)], ['b 20', 'b 21']],
    [
      'those of a server by WebSocket last',
      [server('wss://w', 30, 31), server('a:1', 10, 11)],
      ['a 10', 'a 11'],
    ],
    ['those of a server by WebSocket where there is no other', [server('wss://w', 30, 31)], ['w 30', 'w 31']],
    ['one host once, by whatever names of servers', [server('a:1', 10), server('a:2', 10)], ['a 10']],
  ])('are %s', (_what, servers, expected) => {
    expect(chooseReflectors(servers, new Set()).map(({ host, port }) => `${host} ${port}`)).toEqual(expected)
  })

  it('are others than those that were silent, where there are others', () => {
    const servers = [server('a:1', 10, 11), server('b:1', 20, 21)]
    const choose = (...silent: string[]): string[] =>
      chooseReflectors(servers, new Set(silent)).map(({ host, port }) => `${host} ${port}`)

    expect(choose('a 10')).toEqual(['b 20', 'a 11'])
    expect(choose('b 20', 'b 21')).toEqual(['a 10', 'a 11'])
    expect(choose('a 10', 'a 11', 'b 20', 'b 21')).toEqual(['a 10', 'b 20'])
  })
})
