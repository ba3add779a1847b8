/** What people type, against the API double: with the kubectl of this machine and with Debian's, which is older. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { runControllers } from '../src/api-double/controllers/controllers.ts'
import { ApiDouble } from '../src/api-double/http/api-double.ts'
import { makeCertificate } from '../src/api-double/http/certificate.ts'
import { kubeconfigFor } from '../src/api-double/http/kubeconfig.ts'
import { ObjectStore } from '../src/api-double/object-store.ts'

const REPOSITORY = join(import.meta.dirname, '../../..')
const KUBECTLS = [
  { name: 'the kubectl of this machine', file: 'kubectl' },
  { name: "Debian's kubectl", file: join(REPOSITORY, '.cache/debian-kubectl/usr/bin/kubectl') },
] as const

const WEB = `
apiVersion: v1
kind: Service
metadata: { name: web, labels: { app: web } }
spec:
  selector: { app: web }
  ports:
    - { name: http, port: 80 }
    - { name: metrics, port: 9090 }
`

const WIDGETS = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { plural: widgets, kind: Widget, shortNames: [wd] }
  versions:
    - name: v1
      served: true
      storage: true
      additionalPrinterColumns: [{ name: Size, type: integer, jsonPath: .spec.size }]
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, required: [size], properties: { size: { type: integer, minimum: 1 } } }
`

const WIDGET = `
apiVersion: example.com/v1
kind: Widget
metadata: { name: gear }
spec: { size: 3 }
`

/** Tells when somebody watches Services. */
class WatchedStore extends ObjectStore {
  readonly #watched = Promise.withResolvers<void>()

  get watched(): Promise<void> {
    return this.#watched.promise
  }

  override watch(...request: Parameters<ObjectStore['watch']>): Disposable {
    if (request[0].kind.kind === 'Service') this.#watched.resolve()
    return super.watch(...request)
  }
}

/** A cluster, and a kubectl that talks to it. */
class Terminal implements AsyncDisposable {
  readonly store: WatchedStore
  readonly #file: string
  readonly #folder: string
  readonly #stack = new AsyncDisposableStack()

  private constructor(file: string, { store, folder }: { store: WatchedStore; folder: string }) {
    this.store = store
    this.#file = file
    this.#folder = folder
  }

  static async open(file: string): Promise<Terminal> {
    const store = new WatchedStore()
    const folder = await mkdtemp(join(tmpdir(), 'edgeway-kubectl-'))
    const terminal = new Terminal(file, { store, folder })
    terminal.#stack.defer(() => rm(folder, { recursive: true }))
    terminal.#stack.use(runControllers(store))
    const certificate = await makeCertificate(['127.0.0.1'])
    const double = terminal.#stack.use(await ApiDouble.start(store, { certificate }))
    await writeFile(
      join(folder, 'kubeconfig'),
      kubeconfigFor({ url: double.url, ca: certificate.certificate }),
    )
    return terminal
  }

  /** @returns what it printed, and `exit N` in front of it when it failed */
  async kubectl(...args: readonly string[]): Promise<string> {
    const env = {
      PATH: process.env['PATH'],
      HOME: this.#folder,
      KUBECONFIG: join(this.#folder, 'kubeconfig'),
    }
    try {
      const { stdout } = await promisify(execFile)(this.#file, args, {
        env,
        cwd: REPOSITORY,
        timeout: 60_000,
      })
      return stdout.trim()
    } catch (error) {
      const { code, stdout, stderr } = error as {
        readonly code: unknown
        readonly stdout: string
        readonly stderr: string
      }
      return `exit ${String(code)}: ${stdout}${stderr}`.trim()
    }
  }

  async file(content: string): Promise<string> {
    const path = join(this.#folder, 'manifest.yaml')
    await writeFile(path, content)
    return path
  }

  async apply(content: string, ...args: readonly string[]): Promise<string> {
    return this.kubectl('apply', '-f', await this.file(content), ...args)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

describe.each(KUBECTLS)('with $name', ({ file }) => {
  it('apply makes an object, changes nothing the second time, and takes away what is gone', async () => {
    await using terminal = await Terminal.open(file)
    expect(await terminal.apply(WEB)).toBe('service/web created')
    expect(await terminal.apply(WEB)).toBe('service/web unchanged')

    const fewer = WEB.replace('    - { name: metrics, port: 9090 }\n', '')
    expect(await terminal.kubectl('diff', '-f', await terminal.file(fewer))).toMatch(
      /^exit 1: [\s\S]*-\s+- name: metrics/,
    )
    expect(await terminal.apply(fewer, '--dry-run=server')).toBe('service/web configured (server dry run)')
    expect(await terminal.apply(fewer)).toBe('service/web configured')
    const ports = await terminal.kubectl('get', 'svc', 'web', '-o', 'jsonpath={.spec.ports}')
    expect(JSON.parse(ports)).toEqual([{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80 }])
  })

  it('apply -k brings the manifests, twice, and delete -k takes them away', async () => {
    await using terminal = await Terminal.open(file)
    const made = await terminal.kubectl('apply', '-k', 'manifests')
    expect(made).toContain('daemonset.apps/edgeway-agent created')
    const peers = ['svc', 'edgeway-tunnel-server-peers', '-n', 'edgeway', '-o', 'jsonpath={.spec.clusterIP}']
    expect(await terminal.kubectl('get', ...peers)).toBe('None')
    const again = await terminal.kubectl('apply', '-k', 'manifests')
    expect(again.split('\n').filter((line) => !line.endsWith('unchanged'))).toEqual([])
    expect(await terminal.kubectl('describe', 'ds', 'edgeway-agent', '-n', 'edgeway')).toContain(
      'edgeway/edge-agent',
    )

    expect(await terminal.kubectl('delete', '-k', 'manifests')).toContain('namespace "edgeway" deleted')
    expect(await terminal.kubectl('get', 'ns', 'edgeway')).toMatch(/^exit 1: .*NotFound/)
  })

  it('get shows rows, selections and whole objects', async () => {
    await using terminal = await Terminal.open(file)
    await terminal.apply(WEB)
    expect(await terminal.kubectl('get', 'svc')).toMatch(
      /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +ClusterIP +10\.96\.\S+ +<none> +80\/TCP,9090\/TCP +\d+s$/,
    )
    expect(await terminal.kubectl('get', 'svc', '-o', 'wide')).toContain('app=web')
    expect(await terminal.kubectl('get', 'svc', '-A', '-l', 'app in (web)', '-o', 'name')).toBe('service/web')
    expect(await terminal.kubectl('get', 'svc', '-l', 'app!=web', '-o', 'name')).toBe('')
    expect(await terminal.kubectl('get', 'svc', '--field-selector', 'metadata.name=web', '-o', 'name')).toBe(
      'service/web',
    )
    expect(await terminal.kubectl('get', 'svc', 'web', '-o', 'yaml')).toContain(
      'internalTrafficPolicy: Cluster',
    )
    expect(await terminal.kubectl('get', 'all', '-o', 'name')).toBe('service/web')
    expect(await terminal.kubectl('get', 'svc', 'none')).toMatch(/^exit 1: .*services "none" not found/)
  })

  it('describe tells of a Service and a Node', async () => {
    await using terminal = await Terminal.open(file)
    await terminal.apply(WEB)
    await terminal.apply('apiVersion: v1\nkind: Node\nmetadata: { name: edge-1 }')
    expect(await terminal.kubectl('describe', 'svc', 'web')).toMatch(/Selector: +app=web\n/)
    expect(await terminal.kubectl('describe', 'node', 'edge-1')).toMatch(/^Name: +edge-1\n/)
  })

  it('create, label, annotate, patch, replace and scale write', async () => {
    await using terminal = await Terminal.open(file)
    expect(await terminal.kubectl('create', '-f', await terminal.file(WEB))).toBe('service/web created')
    await terminal.kubectl('label', 'svc', 'web', 'tier=front')
    await terminal.kubectl('annotate', 'svc', 'web', 'note=x')
    await terminal.kubectl('patch', 'svc', 'web', '-p', '{"spec":{"ports":[{"port":443,"name":"https"}]}}')
    await terminal.kubectl(
      'patch',
      'svc',
      'web',
      '--type=merge',
      '-p',
      '{"spec":{"sessionAffinity":"ClientIP"}}',
    )
    await terminal.kubectl(
      'patch',
      'svc',
      'web',
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/metadata/labels/app"}]',
    )
    const web = JSON.parse(await terminal.kubectl('get', 'svc', 'web', '-o', 'json'))
    expect(web).toMatchObject({
      metadata: { labels: { tier: 'front' }, annotations: { note: 'x' } },
      spec: { sessionAffinity: 'ClientIP' },
    })
    expect(web.spec.ports.map(({ port }: { port: number }) => port).sort()).toEqual([443, 80, 9090])

    expect(await terminal.kubectl('replace', '-f', await terminal.file(WEB))).toBe('service/web replaced')
    await terminal.kubectl('apply', '-k', 'manifests')
    const deployment = ['deploy/edgeway-tunnel-server', '-n', 'edgeway']
    expect(await terminal.kubectl('scale', ...deployment, '--replicas=2')).toContain('scaled')
    expect(await terminal.kubectl('get', ...deployment, '-o', 'jsonpath={.spec.replicas}')).toBe('2')
  })

  it('what is wrong is refused by field, value and expectation', async () => {
    await using terminal = await Terminal.open(file)
    expect(await terminal.apply(WEB.replace('80 }', '80000 }'))).toContain(
      'spec.ports[0].port: Invalid value: 80000: must be between 1 and 65535, inclusive',
    )
    expect(await terminal.apply(WEB.replace('selector', 'selektor'))).toMatch(
      /^exit 1: [\s\S]*unknown field "(spec\.)?selektor"/,
    )
  })

  it('explain knows the fields', async () => {
    await using terminal = await Terminal.open(file)
    expect(await terminal.kubectl('explain', 'service.spec.ports.port')).toMatch(
      /port <integer>[\s\S]*The port that will be exposed/,
    )
  })

  it('wait waits for conditions and for the end', async () => {
    await using terminal = await Terminal.open(file)
    await terminal.apply(WIDGETS)
    const established = ['--for=condition=Established', 'crd/widgets.example.com', '--timeout=20s']
    expect(await terminal.kubectl('wait', ...established)).toContain('condition met')
    await terminal.apply(WEB)
    const gone = terminal.kubectl('wait', '--for=delete', 'svc/web', '--timeout=20s')
    await terminal.store.watched
    expect(await terminal.kubectl('delete', 'svc', 'web')).toBe('service "web" deleted')
    expect(await gone).not.toContain('exit')
  })

  it('custom resources come and go with their definition', async () => {
    await using terminal = await Terminal.open(file)
    await terminal.apply(WIDGETS)
    expect(await terminal.apply(WIDGET)).toBe('widget.example.com/gear created')
    expect(await terminal.apply(WIDGET)).toBe('widget.example.com/gear unchanged')
    expect(await terminal.kubectl('get', 'wd')).toMatch(/^NAME +SIZE\ngear +3$/)
    expect(await terminal.apply(WIDGET.replace('3', '0'))).toContain(
      'spec.size: Invalid value: 0: should be greater than or equal to 1',
    )
    expect(await terminal.kubectl('delete', 'crd', 'widgets.example.com')).toContain('deleted')
    expect(await terminal.kubectl('get', 'widgets')).toMatch(
      /^exit 1: .*(NotFound|doesn't have a resource type)/,
    )
  })
})
