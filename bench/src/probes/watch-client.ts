/** `watch-client.ts URL`: watches a collection of an API server and writes a line of JSON, see `Told`, for each event. */
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

const [url = ''] = process.argv.slice(2)
const { status, body } = await fetch(url)
if (status !== 200 || body === null) throw new Error(`the watch was answered ${status}`)
for await (const line of createInterface({ input: Readable.fromWeb(body) })) {
  if (line.trim() === '') continue
  const { type } = JSON.parse(line) as { readonly type: string }
  process.stdout.write(`${JSON.stringify({ type, at: Date.now() })}\n`)
}
throw new Error('the watch has ended')
