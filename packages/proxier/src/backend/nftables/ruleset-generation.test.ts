import { describe, expect, it } from 'vitest'
import { generationIn, nextGeneration } from './ruleset-generation.ts'

describe('generationIn', () => {
  it('finds the number among the attributes of the answer', () => {
    const answer = Buffer.from(
      '2c0000000f0a000000000000d21d0000000000070800010000000007080002000000043f',
      'hex',
    )

    expect(generationIn(answer)).toBe(7)
  })

  it('finds none in an error, nor in what is too short', () => {
    expect(generationIn(Buffer.from('240000000200000000000000d21d0000ffffffff', 'hex'))).toBeUndefined()
    expect(generationIn(Buffer.alloc(3))).toBeUndefined()
  })
})

describe('nextGeneration', () => {
  it('leaves out 0, as the kernel does', () => {
    expect([nextGeneration(7), nextGeneration(0xffff_ffff)]).toEqual([8, 1])
  })
})
