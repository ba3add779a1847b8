import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LabProcess, NetworkNamespace } from '@edgeway/testbed'
import { GrpcSession } from '../../src/own-endpoints/cri/grpc-session.ts'
import { encodeField, WireMessage } from '../../src/own-endpoints/cri/wire.ts'
import { writePauseImage } from './pause-image.ts'

const SERVICE = '/runtime.v1.RuntimeService'
const IMAGE = 'localhost/pause:1'
const CALL_TIMEOUT_MS = 30_000
/** Of Debian's containernetworking-plugins, and of the CNI project's own archives. */
const CNI_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin']
const COMMANDS = ['containerd', 'ctr', 'runc']

export interface PodWish {
  readonly name: string
  readonly uid: string
  /** How often the pod was started before, on this node. */
  readonly attempt?: number
  readonly hostNetwork?: boolean
}

/** @returns what this machine lacks for a containerd of its own, `undefined` when it lacks nothing */
export function missingForContainerd(): string | undefined {
  if (process.arch !== 'x64') return `the program of its sandboxes is for x64, not for ${process.arch}`
  const folders = (process.env['PATH'] ?? '').split(':')
  const missing = COMMANDS.find((command) => !folders.some((folder) => existsSync(join(folder, command))))
  if (missing !== undefined) return `no ${missing} on this machine: apt-get install containerd`
  if (cniFolder() === undefined)
    return 'no CNI plugins on this machine: apt-get install containernetworking-plugins'
  return undefined
}

function cniFolder(): string | undefined {
  return CNI_FOLDERS.find((folder) => existsSync(join(folder, 'bridge')))
}

/** A real containerd in a network namespace, with a folder, a socket and a pod network of its own. */
export class Containerd implements AsyncDisposable {
  readonly socketPath: `/${string}`
  readonly #folder: string
  readonly #namespace: NetworkNamespace
  readonly #sandboxes = new Set<string>()
  #daemon: LabProcess

  private constructor(namespace: NetworkNamespace, folder: string) {
    this.#namespace = namespace
    this.#folder = folder
    this.socketPath = `/${folder.slice(1)}/containerd.sock`
    this.#daemon = this.#spawn()
  }

  static async start(namespace: NetworkNamespace): Promise<Containerd> {
    const folder = await mkdtemp(join(tmpdir(), 'containerd-'))
    await writeSettings(folder)
    const containerd = new Containerd(namespace, folder)
    await containerd.#serving()
    const image = await writePauseImage(namespace, folder, IMAGE)
    const command = ['ctr', '-a', containerd.socketPath, '-n', 'k8s.io', 'images', 'import']
    const { code, stderr } = await namespace.exec([...command, '--snapshotter', 'native', image])
    if (code !== 0) throw new Error(`ctr: ${stderr}`)
    return containerd
  }

  /** @returns the id of its sandbox */
  async runPod({ name, uid, attempt = 0, hostNetwork = false }: PodWish): Promise<string> {
    const metadata = [
      encodeField(1, name),
      encodeField(2, uid),
      encodeField(3, 'shop'),
      encodeField(4, attempt),
    ]
    // NamespaceMode: POD is 0, NODE is 2.
    const options = encodeField(1, encodeField(1, hostNetwork ? 2 : 0))
    const config = [
      encodeField(1, Buffer.concat(metadata)),
      encodeField(3, join(this.#folder, 'logs')),
      encodeField(8, encodeField(2, options)),
    ]
    const answer = await this.#call('RunPodSandbox', encodeField(1, Buffer.concat(config)))
    const id = new WireMessage(answer).string(1)
    this.#sandboxes.add(id)
    return id
  }

  /** Ends the pod, as a reboot would; containerd still knows of its sandbox. */
  async stopPod(sandbox: string): Promise<void> {
    await this.#call('StopPodSandbox', encodeField(1, sandbox))
  }

  /** Ends the daemon alone: pods go on. */
  async stopDaemon(): Promise<void> {
    await this.#daemon[Symbol.asyncDispose]()
  }

  async startDaemon(): Promise<void> {
    this.#daemon = this.#spawn()
    await this.#serving()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Pods outlive the daemon, and only it can end them.
    if (!this.#daemon.running) await this.startDaemon()
    for (const sandbox of this.#sandboxes) {
      await this.stopPod(sandbox)
      await this.#call('RemovePodSandbox', encodeField(1, sandbox))
    }
    await this.stopDaemon()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #call(method: string, request: Buffer): Promise<Buffer> {
    using session = new GrpcSession(this.socketPath)
    return await session.call(`${SERVICE}/${method}`, request, AbortSignal.timeout(CALL_TIMEOUT_MS))
  }

  #spawn(): LabProcess {
    // Entering a network namespace hides the cgroups: back to this process' mounts, in a copy where /run is its own.
    const mounts = ['nsenter', `--mount=/proc/${process.pid}/ns/mnt`, 'unshare', '--mount']
    const ownRun = [
      'sh',
      '-c',
      'mount --bind "$0/run" /run && exec containerd -c "$0/config.toml"',
      this.#folder,
    ]
    return this.#namespace.spawn([...mounts, ...ownRun])
  }

  async #serving(): Promise<void> {
    await this.#daemon.waitForOutput(/containerd successfully booted/)
  }
}

async function writeSettings(folder: string): Promise<void> {
  const config = `
    version = 2
    root = "${folder}/root"
    state = "${folder}/state"
    [grpc]
      address = "${folder}/containerd.sock"
    [ttrpc]
      address = "${folder}/containerd.ttrpc"
    [plugins."io.containerd.grpc.v1.cri"]
      sandbox_image = "${IMAGE}"
      disable_cgroup = true
      disable_apparmor = true
      restrict_oom_score_adj = true
      netns_mounts_under_state_dir = true
      [plugins."io.containerd.grpc.v1.cri".cni]
        bin_dir = "${cniFolder()}"
        conf_dir = "${folder}/cni"
      [plugins."io.containerd.grpc.v1.cri".containerd]
        snapshotter = "native"
  `
  const ranges = [[{ subnet: '10.98.0.0/24' }], [{ subnet: 'fd00:98::/64' }]]
  const ipam = { type: 'host-local', dataDir: join(folder, 'ipam'), ranges }
  const bridge = { type: 'bridge', bridge: 'cni-own', isGateway: true, ipam }
  await mkdir(join(folder, 'run'))
  await mkdir(join(folder, 'cni'))
  await writeFile(join(folder, 'config.toml'), config)
  await writeFile(
    join(folder, 'cni', '10-own.conflist'),
    JSON.stringify({ cniVersion: '0.4.0', name: 'own', plugins: [bridge] }),
  )
}
