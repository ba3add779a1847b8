import { appendFile, chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ApiObject } from '../api-double/api-object.ts'
import { LabError } from '../lab/errors.ts'
import type { Volume } from './pod-template.ts'

/** Reads an object of the cluster; `undefined` where there is none of that name. */
export type ReadObject = (
  kind: 'ConfigMap' | 'Secret',
  ref: { readonly namespace: string; readonly name: string },
) => Promise<ApiObject | undefined>

export interface VolumeFoldersOptions {
  /** Stands for the node's disk: what a `hostPath` holds lies below, and outlives the pod. */
  readonly folder: string
  /** Of the pod. */
  readonly namespace: string
  readonly read: ReadObject
  /** Changes a file of a ConfigMap or a Secret on its way to the pod. */
  readonly edit?: (file: string, content: string) => string
}

/** The volumes of one pod as folders, or single files of the node, on this machine. */
export class VolumeFolders {
  readonly #options: VolumeFoldersOptions

  constructor(options: VolumeFoldersOptions) {
    this.#options = options
  }

  folderOf({ name, hostPath }: Volume): string {
    const { folder } = this.#options
    return hostPath === undefined ? join(folder, 'volumes', name) : join(folder, 'disk', hostPath.path)
  }

  /**
   * Fills each volume with what it holds now, as the kubelet does before it starts the pod.
   *
   * @throws {LabError} when an object that is not optional does not exist
   */
  async fill(volumes: readonly Volume[]): Promise<void> {
    for (const volume of volumes)
      if (volume.hostPath?.type === 'FileOrCreate') await makeFile(this.folderOf(volume))
      else await this.#fillFolder(volume)
  }

  async #fillFolder(volume: Volume): Promise<void> {
    const folder = this.folderOf(volume)
    // What is in an emptyDir outlives the container, as it lives as long as the pod.
    const isKept = volume.hostPath !== undefined || volume.emptyDir !== undefined
    if (!isKept) await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    if (volume.emptyDir !== undefined) await chmod(folder, 0o777)
    if (volume.configMap !== undefined) await this.#writeConfigMap(folder, volume.configMap)
    if (volume.secret !== undefined) await this.#writeSecret(folder, volume.secret)
  }

  async #writeConfigMap(folder: string, { name }: NonNullable<Volume['configMap']>): Promise<void> {
    for (const [file, content] of Object.entries(await this.#contentOf('ConfigMap', name, false)))
      await writeFile(join(folder, file), this.#edited(file, content))
  }

  async #writeSecret(folder: string, source: NonNullable<Volume['secret']>): Promise<void> {
    const { secretName, optional = false, defaultMode: mode = 0o644 } = source
    for (const [file, content] of Object.entries(await this.#contentOf('Secret', secretName, optional)))
      await writeFile(join(folder, file), this.#edited(file, Buffer.from(content, 'base64').toString()), {
        mode,
      })
  }

  #edited(file: string, content: string): string {
    return this.#options.edit?.(file, content) ?? content
  }

  async #contentOf(
    kind: 'ConfigMap' | 'Secret',
    name: string,
    optional: boolean,
  ): Promise<Readonly<Record<string, string>>> {
    const { namespace, read } = this.#options
    const object = await read(kind, { namespace, name })
    if (object === undefined && !optional) throw new LabError(`no ${kind} ${namespace}/${name}`)
    return (object?.['data'] ?? {}) as Readonly<Record<string, string>>
  }
}

/** Leaves one that is there as it is. */
async function makeFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await appendFile(path, '')
}
