import type { ApiObject } from '../api-double/api-object.ts'
import { LabError } from '../lab/errors.ts'
import type { LabHost } from '../lab/lab-host.ts'

export interface KubectlOptions {
  /** Leads to the lab's API server. */
  readonly kubeconfig: string
  /** Where kubectl keeps what it learned of the API. */
  readonly home: string
}

const TIMEOUT_MS = 60_000

/** The cluster's operator: does everything by kubectl, on the host that the API server runs on. */
export class Kubectl {
  readonly #host: LabHost
  readonly #options: KubectlOptions

  constructor(host: LabHost, options: KubectlOptions) {
    this.#host = host
    this.#options = options
  }

  /** What kubectl needs in its environment, as a shell has it. */
  get environment(): string {
    return `KUBECONFIG=${this.#options.kubeconfig} HOME=${this.#options.home}`
  }

  /** Creates or changes objects, in order. */
  async apply(...objects: readonly ApiObject[]): Promise<void> {
    await this.run(['apply', '-f', '-'], listOf(objects))
  }

  async applyFiles(files: readonly string[]): Promise<void> {
    if (files.length > 0) await this.run(['apply', ...files.flatMap((file) => ['-f', file])])
  }

  /** @param folder - with a kustomization */
  async applyKustomization(folder: string): Promise<void> {
    await this.run(['apply', '-k', folder])
  }

  async delete(...objects: readonly ApiObject[]): Promise<void> {
    await this.run(['delete', '-f', '-'], listOf(objects))
  }

  /** @throws {LabError} when there is none */
  async get(kind: string, namespace: string, name: string): Promise<ApiObject> {
    return JSON.parse(await this.run(['get', kind, name, '-n', namespace, '-o', 'json'])) as ApiObject
  }

  /**
   * @returns what it printed
   * @throws {LabError} with its words when it fails
   */
  async run(args: readonly string[], input = ''): Promise<string> {
    const { kubeconfig: KUBECONFIG, home: HOME } = this.#options
    const env = { KUBECONFIG, HOME }
    const { code, stdout, stderr } = await this.#host.exec(['kubectl', ...args], {
      input,
      env,
      timeoutMs: TIMEOUT_MS,
    })
    if (code === 0) return stdout
    throw new LabError(`kubectl ${args.join(' ')} failed with exit code ${code}: ${stderr.trim()}`)
  }
}

function listOf(items: readonly ApiObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}
