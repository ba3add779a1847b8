import { describe, expect, it } from 'vitest'
import { READ_BUFFER_BYTES, ReadBuffers } from './read-buffers.ts'

describe('ReadBuffers', () => {
  it.each([0, 1, 170, 2_048, 2_049, READ_BUFFER_BYTES])(
    'show the first %i bytes of the shared one',
    (bytes) => {
      const buffers = new ReadBuffers()
      for (const fill of [1, 2]) {
        buffers.shared.fill(fill)
        const view = buffers.firstOfShared(bytes)

        expect(view.equals(Buffer.alloc(bytes, fill))).toBe(true)
        expect(view.buffer).toBe(buffers.shared.buffer)
      }
    },
  )

  it('stage bytes in the same memory, until that is kept', () => {
    const buffers = new ReadBuffers()
    const [first, second] = [Buffer.from('first'), Buffer.from('later')]
    const staged = buffers.staged(first)
    expect(staged.equals(first)).toBe(true)
    expect(buffers.staged(second).buffer).toBe(staged.buffer)
    const kept = buffers.keepStaged()
    const next = buffers.staged(first)

    expect(kept?.buffer).toBe(staged.buffer)
    expect(staged.equals(second)).toBe(true)
    expect(next.equals(first)).toBe(true)
    expect(buffers.owns(next)).toBe(true)
    expect(next.buffer).not.toBe(staged.buffer)
  })
})
