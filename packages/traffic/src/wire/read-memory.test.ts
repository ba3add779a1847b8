import { describe, expect, it } from 'vitest'
import { BusyReaders } from '../relay/busy-readers.ts'
import { READ_BUFFER_BYTES, ReadBuffers } from '../relay/read-buffers.ts'
import { ReadMemory } from './read-memory.ts'

function memoryOf() {
  const deps = { buffers: new ReadBuffers(), busy: new BusyReaders() }
  const memory = new ReadMemory({ bytes: 0, rest: () => {} }, deps)
  return { ...deps, memory }
}

describe('ReadMemory', () => {
  it('is shared while reads are small', () => {
    const { memory, buffers } = memoryOf()
    expect(memory.next(16 * 1024 - 1, true)).toBeUndefined()
    expect(memory.read(READ_BUFFER_BYTES)).toBe(buffers.shared)
  })

  it('is the wire’s own after a big read, until a small one', () => {
    const { memory, buffers, busy } = memoryOf()
    const own = memory.next(16 * 1024, true)
    expect(memory.read(READ_BUFFER_BYTES)).toBe(own)
    expect([own?.length, busy.size]).toEqual([READ_BUFFER_BYTES, 1])
    expect(memory.next(64 * 1024, true)).toBeUndefined()

    expect(memory.next(10, true)).toBe(buffers.shared)
    expect(busy.size).toBe(0)
    expect(buffers.take()).toBe(own)
  })

  it('stays the wire’s own while that is paused: others may write from it', () => {
    const { memory, buffers } = memoryOf()
    const own = memory.next(64 * 1024, true)

    expect(memory.next(10, false)).toBeUndefined()

    expect(memory.read(READ_BUFFER_BYTES)).toBe(own)
    expect(buffers.take()).not.toBe(own)
  })

  it('is not used by others once it was forgotten', () => {
    const { memory, buffers } = memoryOf()
    const own = memory.next(64 * 1024, true)

    expect(memory.forget()).toBe(buffers.shared)

    expect(buffers.take()).not.toBe(own)
  })
})
