import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApiObject } from '../api-double/api-object.ts'
import { REPOSITORY } from '../mesh/repository.ts'
import { type BindMount, type ContainerPlan, planContainer } from './container-plan.ts'
import { type ImageConfig, readImageConfig } from './image-config.ts'
import { podTemplateOf } from './pod-template.ts'
import { type ReadObject, VolumeFolders } from './volume-folders.ts'

/** How pods of a node reach the API server with their service account. */
export interface InClusterAccess {
  readonly host: string
  readonly port: number
  /** PEM of the authority that signed the API server's certificate. */
  readonly ca: string
}

export interface KubeletOptions {
  readonly nodeName: string
  /** The node's own folder on this machine. */
  readonly folder: string
  readonly read: ReadObject
  /** `undefined`: pods get no service account, as on KubeEdge's edge nodes. */
  readonly access?: InClusterAccess | undefined
}

/** A container ready to be run by whatever runtime: its volumes are filled. */
export interface PreparedContainer {
  readonly plan: ContainerPlan
  readonly image: ImageConfig
}

const CONTAINERFILE = join(REPOSITORY, 'container/Containerfile')
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Turns workloads of the cluster into containers on one node, as the node's kubelet does. */
export class Kubelet {
  readonly #options: KubeletOptions

  constructor(options: KubeletOptions) {
    this.#options = options
  }

  /**
   * @param edit - changes a file of a ConfigMap or a Secret on its way to the pod
   * @throws {LabError} when the workload asks for what the lab can't give
   */
  async prepare(
    workload: ApiObject,
    edit?: (file: string, content: string) => string,
  ): Promise<PreparedContainer> {
    const { nodeName, read } = this.#options
    const template = podTemplateOf(workload)
    const { name, namespace = 'default' } = workload.metadata
    const folder = join(this.#options.folder, name)
    const volumes = new VolumeFolders({ folder, namespace, read, ...(edit === undefined ? {} : { edit }) })
    await volumes.fill(template.volumes)
    const plan = planContainer(template, {
      nodeName,
      env: this.#accessEnvironment(),
      mounts: await this.#accessMounts(folder, { namespace, account: template.serviceAccountName }),
      folderOf: (volume) => volumes.folderOf(volume),
    })
    return { plan, image: await imageConfigOf(plan.image) }
  }

  #accessEnvironment(): Readonly<Record<string, string>> {
    const { access } = this.#options
    if (access === undefined) return {}
    return { KUBERNETES_SERVICE_HOST: access.host, KUBERNETES_SERVICE_PORT: String(access.port) }
  }

  /** As user name, the token of a service account is all that the API double asks for. */
  async #accessMounts(
    folder: string,
    { namespace, account }: { readonly namespace: string; readonly account: string },
  ): Promise<readonly BindMount[]> {
    const { access } = this.#options
    if (access === undefined) return []
    const source = join(folder, 'volumes', 'service-account')
    await rm(source, { recursive: true, force: true })
    await mkdir(source, { recursive: true })
    const token = `system:serviceaccount:${namespace}:${account}`
    const files = { 'ca.crt': access.ca, token, namespace }
    for (const [file, content] of Object.entries(files)) await writeFile(join(source, file), content)
    return [{ source, target: SERVICE_ACCOUNT, readOnly: true }]
  }
}

/** @param image - `edgeway/<stage of the Containerfile>:<tag>` */
async function imageConfigOf(image: string): Promise<ImageConfig> {
  const [, stage = ''] = /^edgeway\/([^:]+):/.exec(image) ?? []
  return readImageConfig(await readFile(CONTAINERFILE, 'utf8'), stage)
}
