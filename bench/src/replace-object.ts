/** `replace-object.ts URL`: puts the object on standard input there, and writes when the API server had answered. */
import { text } from 'node:stream/consumers'

const [url = ''] = process.argv.slice(2)
const object = await text(process.stdin)
const response = await fetch(url, { method: 'PUT', body: object })
const answeredAt = Date.now()
if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
process.stdout.write(`${JSON.stringify({ answeredAt })}\n`)
