import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SourceError } from '../errors.ts'
import { jsonLines } from './json-lines.ts'

async function* chunks(...texts: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text)
}

describe('jsonLines', () => {
  it('reads the same values wherever the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), fc.integer({ min: 1, max: 9 }), async (values, size) => {
        const stream = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''))
        const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
          stream.subarray(index * size, (index + 1) * size),
        )
        const read = await Array.fromAsync(jsonLines(chunks(...pieces)))
        expect(read).toEqual(JSON.parse(JSON.stringify(values)))
      }),
    )
  })

  it('skips empty lines, and a last one without an end', async () => {
    expect(await Array.fromAsync(jsonLines(chunks('1\n\n  \n2\n', '{"cut":')))).toEqual([1, 2])
  })

  it('refuses what is no JSON', async () => {
    await expect(Array.fromAsync(jsonLines(chunks('1\n{"a":\n')))).rejects.toThrow(SourceError)
  })

  it('refuses a line that never ends', async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(1_024 * 1_024, 'x')
    }
    await expect(Array.fromAsync(jsonLines(endless()))).rejects.toThrow('a line of more than')
  })
})
