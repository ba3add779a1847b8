import { fileURLToPath } from 'node:url'
import type { LabProcess } from '@edgeway/testbed'
import { mustExec } from '../probes/must-exec.ts'
import { HTTP_PORT } from '../probes/wrk.ts'
import type { Scene } from '../scene.ts'
import { untilLine } from './json-lines.ts'

const NAME = 'changed'
const CLUSTER_IP = '10.96.0.34'
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/bench/endpointslices'
/** MetaServer's usual place. */
const META_SERVER = 'http://127.0.0.1:10550'
const WITHIN_MS = 10_000

const CALLER = fileURLToPath(new URL('../probes/reachability-client.ts', import.meta.url))
const WATCHER = fileURLToPath(new URL('../probes/watch-client.ts', import.meta.url))
const REPLACER = fileURLToPath(new URL('../replace-object.ts', import.meta.url))

/** How a connection went, and when that was known, in milliseconds since 1970. */
interface Reachability {
  readonly outcome: 'accepted' | 'refused' | 'reset' | 'silent'
  readonly at: number
}

/** An event of a watch, and when it came. */
interface Told {
  readonly type: string
  readonly at: number
}

/** Milliseconds since 1970. */
export interface ChangeMoments {
  readonly answered: number
  /** Another client of the node's MetaServer was told, about when the agent was. */
  readonly told: number
  readonly inEffect: number
}

/**
 * A Service whose three endpoints come and go, a pod that tries all the time to connect to it, and a watch beside that of
 * the agent.
 */
export class ChangedService implements AsyncDisposable {
  readonly #scene: Scene
  readonly #caller: LabProcess
  readonly #watcher: LabProcess

  private constructor(scene: Scene, caller: LabProcess, watcher: LabProcess) {
    this.#scene = scene
    this.#caller = caller
    this.#watcher = watcher
  }

  /** Gives the near pod two addresses more and makes the Service. Once per scene. */
  static async make(scene: Scene): Promise<void> {
    const { lab, kubectl } = scene.mesh
    for (const address of addressesOf(scene).slice(1))
      await mustExec(lab.pod('near'), ['ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0'])
    await kubectl.apply(serviceObject(), sliceObject(addressesOf(scene)))
  }

  /** Resolves when the Service has its endpoints and the pod is connected to them. */
  static async start(scene: Scene): Promise<ChangedService> {
    const { lab } = scene.mesh
    const query = `watch=1&fieldSelector=metadata.name%3D${NAME}`
    const watcher = lab.node('edge-1').spawn([process.execPath, WATCHER, `${META_SERVER}${SLICES}?${query}`])
    const target = [CLUSTER_IP, String(HTTP_PORT)]
    const caller = lab.pod('client').spawn([process.execPath, CALLER, ...target])
    const service = new ChangedService(scene, caller, watcher)
    try {
      await service.#replace(addressesOf(scene))
      const isWanted = ({ outcome }: Reachability): boolean => outcome === 'accepted'
      await untilLine<Reachability>(caller, { isWanted, withinMs: WITHIN_MS })
      await untilLine<Told>(watcher, { isWanted: () => true, withinMs: WITHIN_MS })
      return service
    } catch (error) {
      await service[Symbol.asyncDispose]()
      throw error
    }
  }

  /** @throws {Error} when it is not in effect in time */
  async change(to: 'accepted' | 'refused'): Promise<ChangeMoments> {
    const since = Date.now()
    const answered = await this.#replace(to === 'accepted' ? addressesOf(this.#scene) : [])
    const { at: inEffect } = await untilLine<Reachability>(this.#caller, {
      isWanted: ({ outcome, at }) => at >= since && outcome === to,
      withinMs: WITHIN_MS,
    })
    const { at: told } = await untilLine<Told>(this.#watcher, {
      isWanted: ({ at }) => at >= since,
      withinMs: WITHIN_MS,
    })
    return { answered, told, inEffect }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#caller, this.#watcher].map((one) => one[Symbol.asyncDispose]()))
  }

  async #replace(addresses: readonly string[]): Promise<number> {
    const { lab, plainApiUrl } = this.#scene.mesh
    const url = `${plainApiUrl}${SLICES}/${NAME}`
    const { code, stdout, stderr } = await lab.node('cloud').exec([process.execPath, REPLACER, url], {
      input: JSON.stringify(sliceObject(addresses)),
    })
    if (code !== 0) throw new Error(`the endpoints could not be changed: ${stderr}`)
    const { answeredAt } = JSON.parse(stdout) as { readonly answeredAt: number }
    return answeredAt
  }
}

function addressesOf({ mesh }: Scene): readonly string[] {
  const { address } = mesh.lab.pod('near')
  const network = address.slice(0, address.lastIndexOf('.'))
  return [address, `${network}.201`, `${network}.202`]
}

function serviceObject() {
  const ports = [{ name: 'http', protocol: 'TCP', port: HTTP_PORT }]
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'bench', name: NAME },
    spec: { clusterIP: CLUSTER_IP, ports },
  }
}

function sliceObject(addresses: readonly string[]) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'bench', name: NAME, labels: { 'kubernetes.io/service-name': NAME } },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: HTTP_PORT }],
    endpoints: addresses.map((address) => ({
      addresses: [address],
      conditions: { ready: true },
      nodeName: 'edge-1',
    })),
  }
}
