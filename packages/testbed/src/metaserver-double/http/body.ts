import type { IncomingMessage } from 'node:http'
import { StatusError } from '../../api-double/status-error.ts'

/** As MetaServer's and kube-apiserver's. */
const MAX_BODY_BYTES = 3 * 1024 * 1024

/** @throws {StatusError} `RequestEntityTooLarge` beyond 3 MiB */
export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES)
      throw new StatusError('RequestEntityTooLarge', `limit is ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
