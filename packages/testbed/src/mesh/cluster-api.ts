import type { ApiObject } from '../api-double/api-object.ts'
import { KindRegistry } from '../api-double/kind-registry.ts'
import { LabError } from '../lab/errors.ts'
import type { LabHost } from '../lab/lab-host.ts'

/** The lab's API server as a user of the cluster sees it, asked by curl from the host it runs on. */
export class ClusterApi {
  readonly #host: LabHost
  readonly #url: string

  constructor(host: LabHost, url: string) {
    this.#host = host
    this.#url = url
  }

  /** Creates or replaces objects, in order. */
  async apply(...objects: readonly ApiObject[]): Promise<void> {
    for (const object of objects) {
      const { metadata } = object
      const status = await this.#send('PUT', `${this.#collection(object)}/${metadata.name}`, object)
      if (status === 404) await this.#expect(201, this.#send('POST', this.#collection(object), object))
      else await this.#expect(200, Promise.resolve(status))
    }
  }

  async delete(object: ApiObject): Promise<void> {
    await this.#expect(200, this.#send('DELETE', `${this.#collection(object)}/${object.metadata.name}`))
  }

  #collection({ apiVersion, kind: name, metadata: { namespace } }: ApiObject): string {
    const kind = new KindRegistry().find(apiVersion, name)
    if (kind === undefined) throw new LabError(`the API server has no ${apiVersion} ${name}`)
    const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
    return kind.namespaced ? `${root}/namespaces/${namespace}/${kind.plural}` : `${root}/${kind.plural}`
  }

  async #send(method: string, path: string, body?: ApiObject): Promise<number> {
    const upload =
      body === undefined ? [] : ['--header', 'content-type: application/json', '--data-binary', '@-']
    const { stdout, stderr } = await this.#host.exec(
      // biome-ignore format: one option with its value per pair
      ['curl', '--silent', '--show-error', '--output', '/dev/null', '--write-out', '%{http_code}',
        '--request', method, ...upload, `${this.#url}${path}`],
      body === undefined ? {} : { input: JSON.stringify(body) },
    )
    if (stdout === '000') throw new LabError(`the API server does not answer: ${stderr}`)
    return Number(stdout)
  }

  async #expect(expected: number, answer: Promise<number>): Promise<void> {
    const status = await answer
    if (status !== expected) throw new LabError(`the API server answered ${status} instead of ${expected}`)
  }
}
