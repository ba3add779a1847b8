import { describe, expect, it } from 'vitest'
import type { BenchCase } from '../cases/case.ts'
import { parseBenchArguments, usageOf } from './arguments.ts'

const bench = (name: string): BenchCase => ({ name, summary: `about ${name}`, run: async () => [] })
const KNOWN = [bench('one'), bench('two'), bench('three')]

function namesOf(...args: string[]): string[] {
  return parseBenchArguments(args, KNOWN).benches.map(({ name }) => name)
}

describe('the arguments of a bench', () => {
  it('choose benches by name, in their own order; none of them is all', () => {
    expect(namesOf()).toEqual(['one', 'two', 'three'])
    expect(namesOf('three', 'one')).toEqual(['one', 'three'])
  })

  it('may come behind the -- that npm takes or leaves', () => {
    expect(parseBenchArguments(['--', 'two', '--json'], KNOWN)).toMatchObject({ json: true, help: false })
  })

  it('name what there is when they name what there is not', () => {
    expect(() => namesOf('four')).toThrow('no bench four; there are one, two, three')
    expect(() => namesOf('--fast')).toThrow('--fast')
  })

  it('are explained', () => {
    expect(usageOf(KNOWN)).toContain('  three  about three\n')
  })
})
