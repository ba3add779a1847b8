/**
 * An API server for labs and tests: the truth of a cluster in memory, or the mirror of another one.
 *
 *     main.ts --listen HOST:PORT [--manifests FILE]... [--mirror URL]
 *
 * Writes one line of JSON, `{"listening":{"host":..,"port":..}}`, once it answers.
 */
import { parseArgs } from 'node:util'
import { ApiServer } from './api-server.ts'
import type { ApiBackend } from './backend.ts'
import { readManifests, refOf } from './manifests.ts'
import { Mirror } from './mirror.ts'
import { ObjectStore } from './object-store.ts'

async function backendFrom(manifests: readonly string[], mirror: string | undefined): Promise<ApiBackend> {
  if (mirror !== undefined) return Mirror.start(mirror)
  const store = new ObjectStore()
  for (const object of await readManifests(manifests)) store.create(refOf(object), object)
  return store
}

const { values } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:0' },
    manifests: { type: 'string', multiple: true, default: [] },
    mirror: { type: 'string' },
  },
})
const [host = '127.0.0.1', port = '0'] = values.listen.split(':')
const backend = await backendFrom(values.manifests, values.mirror)
const api = await ApiServer.start({ host, port: Number(port) }, backend)
process.stdout.write(`${JSON.stringify({ listening: { host, port: api.port } })}\n`)
