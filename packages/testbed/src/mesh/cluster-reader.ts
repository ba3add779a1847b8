import type { ApiObject } from '../api-double/api-object.ts'
import { apiVersionOf, type KindName, kindNamed } from '../api-double/kinds.ts'
import { LabError } from '../lab/errors.ts'
import type { LabHost } from '../lab/lab-host.ts'

/**
 * Reads objects of the lab's cluster on behalf of its kubelets, by curl on the host of the API server. While that is away,
 * what was read last counts, as for a kubelet.
 */
export class ClusterReader {
  readonly #host: LabHost
  readonly #url: string
  readonly #known = new Map<string, ApiObject | undefined>()

  constructor(host: LabHost, url: string) {
    this.#host = host
    this.#url = url
  }

  /** `undefined` where there is none of that name. */
  async get(
    kindName: KindName,
    { namespace, name }: { readonly namespace: string; readonly name: string },
  ): Promise<ApiObject | undefined> {
    const kind = kindNamed(kindName)
    const root = kind.group === '' ? '/api/v1' : `/apis/${apiVersionOf(kind)}`
    const url = `${this.#url}${root}/namespaces/${namespace}/${kind.plural}/${name}`
    const { stdout, stderr } = await this.#host.exec(['curl', '--silent', '--show-error', url])
    if (stdout === '' && this.#known.has(url)) return this.#known.get(url)
    if (stdout === '') throw new LabError(`the API server does not answer: ${stderr}`)
    const object = objectIn(stdout)
    this.#known.set(url, object)
    return object
  }
}

/** `undefined` for the answer that there is none. */
function objectIn(text: string): ApiObject | undefined {
  const answer = JSON.parse(text) as ApiObject & { readonly code?: number; readonly message?: string }
  if (answer.kind !== 'Status') return answer
  if (answer.code === 404) return undefined
  throw new LabError(`the API server answered ${answer.code}: ${answer.message}`)
}
