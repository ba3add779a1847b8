import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { runControllers } from './controllers/controllers.ts'
import { ApiDouble } from './http/api-double.ts'
import { makeCertificate } from './http/certificate.ts'
import { kubeconfigFor } from './http/kubeconfig.ts'
import { parseManifests } from './manifests.ts'
import { ObjectStore } from './object-store.ts'

const USAGE = `A Kubernetes API server for tests: kubectl, controllers and agents can talk to it, nothing runs.

usage: api-double [--listen HOST:PORT] [--listen-tls HOST:PORT [--tls-name NAME...]]
                  [--manifests FILE...] [--kubeconfig FILE] [--heartbeat-ms NUMBER]

  --listen HOST:PORT   where to serve; port 0, the default, takes any free one
  --manifests FILE...  objects to start with
  --listen-tls HOST:PORT  serve HTTPS there as well, with a certificate made for the occasion
  --heartbeat-ms NUMBER  count a version that often, as the nodes' heartbeats do in every cluster
  --tls-name NAME...   host names and addresses that the certificate is for, besides HOST and 127.0.0.1
  --kubeconfig FILE    write a kubeconfig that leads here, by HTTPS where that is served
  -h, --help           print this text

Prints {"ready":true,"url":"http://HOST:PORT"} once it serves; runs until SIGTERM or SIGINT.
`

interface Address {
  readonly host: string
  readonly port: number
}

interface Arguments {
  readonly help: boolean
  readonly kubeconfig: string | undefined
  /** `undefined`: none. */
  readonly heartbeatMs: number | undefined
  readonly plain: Address
  readonly tls: Address | undefined
  readonly tlsNames: readonly string[]
  readonly manifests: readonly string[]
}

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({
    options: {
      'heartbeat-ms': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
      kubeconfig: { type: 'string' },
      listen: { type: 'string', default: '127.0.0.1:0' },
      'listen-tls': { type: 'string' },
      manifests: { type: 'string', multiple: true },
      'tls-name': { type: 'string', multiple: true },
    },
    allowPositionals: true,
  })
  const manifests = [...(values.manifests ?? []), ...positionals]
  const { help, kubeconfig } = values
  const heartbeatMs = values['heartbeat-ms'] === undefined ? undefined : heartbeatIn(values['heartbeat-ms'])
  const tls = values['listen-tls'] === undefined ? undefined : addressIn('--listen-tls', values['listen-tls'])
  const plain = addressIn('--listen', values.listen)
  return { help, kubeconfig, heartbeatMs, plain, tls, tlsNames: values['tls-name'] ?? [], manifests }
}

function heartbeatIn(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--heartbeat-ms: expected a number, found ${text}`)
  return Number(text)
}

function addressIn(option: string, text: string): Address {
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? []
  if (host === undefined) throw new Error(`${option}: expected HOST:PORT, found ${text}`)
  return { host, port: Number(port) }
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

async function main(): Promise<void> {
  const { help, kubeconfig, heartbeatMs, plain, tls, tlsNames, manifests } = readArguments()
  if (help) {
    process.stdout.write(USAGE)
    return
  }
  const stop = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])

  await using running = new AsyncDisposableStack()
  const store = await storeOf(manifests)
  if (heartbeatMs !== undefined) setInterval(() => store.advance(), heartbeatMs).unref()
  const double = running.use(await ApiDouble.start(store, plain))
  const certificate =
    tls === undefined ? undefined : await makeCertificate(['127.0.0.1', tls.host, ...tlsNames])
  const secure =
    tls === undefined ? undefined : running.use(await ApiDouble.start(store, { ...tls, certificate }))
  const target = {
    url: (secure ?? double).url.replace('//0.0.0.0:', '//127.0.0.1:'),
    ca: certificate?.certificate,
  }
  if (kubeconfig !== undefined) await writeFile(kubeconfig, kubeconfigFor(target))
  process.stdout.write(`${JSON.stringify({ ready: true, url: double.url, tlsUrl: secure?.url })}\n`)
  await stop
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  process.exitCode = 1
}
