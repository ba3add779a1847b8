import { describe, expect, it } from 'vitest'
import type { RunCommand } from '../../command/run-command.ts'
import { IpSets } from './ip-sets.ts'

/** A kernel with sets, some of them held by rules. */
function kernelWith(sets: Set<string>, held: Set<string>): RunCommand {
  return async (_, input = '') => {
    const lines = input.split('\n').filter((line) => line.startsWith('destroy '))
    for (const [index, line] of lines.entries()) {
      const name = line.slice('destroy '.length)
      const words = held.has(name) ? 'it is in use by a kernel component' : 'the set does not exist'
      if (held.has(name) || !sets.delete(name))
        return { code: 1, stdout: '', stderr: `ipset v7.17: Error in line ${index + 1}: ${words}\n` }
    }
    return { code: 0, stdout: '', stderr: '' }
  }
}

describe('IpSets', () => {
  it('destroys a set that the kernel held with one of the next changes', async () => {
    const sets = new Set(['a', 'b', 'c'])
    const held = new Set(['a'])
    const ipSets = new IpSets(kernelWith(sets, held))
    await ipSets.destroy(['a', 'b'])
    expect([...ipSets.held]).toEqual(['b', 'a'])
    await ipSets.destroy([])
    expect([...sets]).toEqual(['a', 'c'])
    held.clear()
    await ipSets.destroy([])
    expect([...sets]).toEqual(['c'])
    expect(ipSets.held.size).toBe(0)
  })

  it('does not destroy a set that is of use again', async () => {
    const sets = new Set(['a'])
    const held = new Set(['a'])
    const ipSets = new IpSets(kernelWith(sets, held))
    await ipSets.destroy(['a'])
    held.clear()
    await ipSets.restore('create -exist a hash:ip\n', [{ name: 'a', type: 'hash:ip', family: 'IPv4' }])
    await ipSets.destroy([])
    expect([...sets]).toEqual(['a'])
  })

  it('takes a set that somebody else destroyed for destroyed', async () => {
    const ipSets = new IpSets(kernelWith(new Set(['b']), new Set()))
    await ipSets.destroyAll(['a', 'b'])
    expect(ipSets.held.size).toBe(0)
  })
})
