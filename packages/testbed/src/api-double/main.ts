import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { ApiBackend } from './backend.ts'
import { runControllers } from './controllers/controllers.ts'
import { ApiDouble } from './http/api-double.ts'
import type { Kind } from './kinds.ts'
import { parseManifests } from './manifests.ts'
import { Mirror } from './mirror.ts'
import { ObjectStore } from './object-store.ts'

const USAGE = `A Kubernetes API server for tests: kubectl, controllers and agents can talk to it, nothing runs.

usage: api-double [--listen HOST:PORT] [--manifests FILE...] [--kubeconfig FILE]
       api-double [--listen HOST:PORT] --mirror URL

  --listen HOST:PORT   where to serve; port 0, the default, takes any free one
  --manifests FILE...  objects to start with
  --kubeconfig FILE    write a kubeconfig that leads here
  --mirror URL         serve a copy of that API server instead, as KubeEdge's MetaServer does on a node
  -h, --help           print this text

Prints {"ready":true,"url":"http://HOST:PORT"} once it serves; runs until SIGTERM or SIGINT.
`

interface Arguments {
  readonly help: boolean
  readonly kubeconfig: string | undefined
  readonly host: string
  readonly port: number
  readonly manifests: readonly string[]
  readonly mirror: string | undefined
}

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      kubeconfig: { type: 'string' },
      listen: { type: 'string', default: '127.0.0.1:0' },
      manifests: { type: 'string', multiple: true },
      mirror: { type: 'string' },
    },
    allowPositionals: true,
  })
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(values.listen) ?? []
  const manifests = [...(values.manifests ?? []), ...positionals]
  if (host === undefined || port === undefined)
    throw new Error(`--listen: expected HOST:PORT, found ${values.listen}`)
  if (values.mirror !== undefined && manifests.length > 0) throw new Error('a mirror takes no manifests')
  const { help, kubeconfig, mirror } = values
  return { help, kubeconfig, host, port: Number(port), manifests, mirror }
}

/** Versions go on from the clock, so that those of an earlier run are too old, as they should be. */
async function storeOf(files: readonly string[]): Promise<ObjectStore> {
  const store = new ObjectStore({ firstRevision: Math.floor(Date.now() / 1000) })
  runControllers(store)
  for (const file of files)
    for (const { ref, object } of parseManifests(await readFile(file, 'utf8'), store.kinds))
      store.create(ref, object)
  return store
}

function reportChange(kind: Kind, error: unknown): void {
  const state = error === undefined ? 'follows its upstream' : 'lost its upstream'
  process.stderr.write(
    `${JSON.stringify({ message: `mirror ${state}`, kind: kind.kind, error: error && String(error) })}\n`,
  )
}

function kubeconfigFor(url: string): string {
  const name = 'api-double'
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}

async function main(): Promise<void> {
  const { help, kubeconfig, host, port, manifests, mirror: upstream } = readArguments()
  if (help) {
    process.stdout.write(USAGE)
    return
  }
  const stop = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])

  await using running = new AsyncDisposableStack()
  const backend: ApiBackend =
    upstream === undefined
      ? await storeOf(manifests)
      : running.use(Mirror.start({ upstream, onChange: reportChange }))
  const double = running.use(await ApiDouble.start(backend, { host, port }))
  if (kubeconfig !== undefined) await writeFile(kubeconfig, kubeconfigFor(double.url))
  process.stdout.write(`${JSON.stringify({ ready: true, url: double.url })}\n`)
  await stop
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  process.exitCode = 1
}
