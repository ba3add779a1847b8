import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ApiDouble } from './api-double.ts'
import type { ApiBackend } from './backend.ts'
import type { Kind } from './kinds.ts'
import { parseManifests } from './manifests.ts'
import { Mirror } from './mirror.ts'
import { ObjectStore } from './object-store.ts'

const USAGE = `usage: node main.ts --listen HOST:PORT [--manifests FILE...] [--mirror URL]

  --listen HOST:PORT   where to serve; port 0 takes any free one
  --manifests FILE...  objects to start with
  --mirror URL         serve a copy of that API server instead, as KubeEdge's MetaServer does on a node

Prints {"ready":true,"url":"http://HOST:PORT"} once it serves; runs until SIGTERM or SIGINT.
`

interface Arguments {
  readonly host: string
  readonly port: number
  readonly manifests: readonly string[]
  readonly mirror: string | undefined
}

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({
    options: {
      listen: { type: 'string' },
      manifests: { type: 'string', multiple: true },
      mirror: { type: 'string' },
    },
    allowPositionals: true,
  })
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(values.listen ?? '') ?? []
  const manifests = [...(values.manifests ?? []), ...positionals]
  if (host === undefined || port === undefined) throw new Error('--listen HOST:PORT is missing')
  if (values.mirror !== undefined && manifests.length > 0) throw new Error('a mirror takes no manifests')
  return { host, port: Number(port), manifests, mirror: values.mirror }
}

/** Versions go on from the clock, so that those of an earlier run are too old, as they should be. */
async function storeOf(files: readonly string[]): Promise<ObjectStore> {
  const store = new ObjectStore({ firstRevision: Math.floor(Date.now() / 1000) })
  for (const file of files) {
    for (const { ref, object } of parseManifests(await readFile(file, 'utf8'))) store.create(ref, object)
  }
  return store
}

function reportChange(kind: Kind, error: unknown): void {
  const state = error === undefined ? 'follows its upstream' : 'lost its upstream'
  process.stderr.write(
    `${JSON.stringify({ message: `mirror ${state}`, kind: kind.kind, error: error && String(error) })}\n`,
  )
}

async function main(): Promise<void> {
  const { host, port, manifests, mirror: upstream } = readArguments()
  const stop = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])

  await using running = new AsyncDisposableStack()
  const backend: ApiBackend =
    upstream === undefined
      ? await storeOf(manifests)
      : running.use(Mirror.start({ upstream, onChange: reportChange }))
  const double = running.use(await ApiDouble.start(backend, { host, port }))
  process.stdout.write(`${JSON.stringify({ ready: true, url: double.url })}\n`)
  await stop
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  process.exitCode = 1
}
