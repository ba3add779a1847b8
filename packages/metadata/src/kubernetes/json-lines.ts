import { SourceError } from '../errors.ts'

/** Longest line of a watch that is accepted: no object of a cluster comes near it (etcd's limit is 1.5 MiB). */
const MAX_LINE_BYTES = 8 * 1_024 * 1_024
const NEWLINE = 0x0a

/**
 * Splits a byte stream into the JSON values of its lines.
 *
 * @throws {SourceError} when a line is no JSON, or too long
 */
export async function* jsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)]).toString('utf8')
      rest = []
      restBytes = 0
      start = end + 1
      if (line.trim() !== '') yield parseJson(line)
    }
    if (start === chunk.length) continue
    rest.push(chunk.subarray(start))
    restBytes += chunk.length - start
    if (restBytes > MAX_LINE_BYTES) throw new SourceError(`a line of more than ${MAX_LINE_BYTES} bytes`)
  }
}

/** @throws {SourceError} when it is no JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SourceError(`the answer is no JSON: ${String(error)}`, undefined, { cause: error })
  }
}
