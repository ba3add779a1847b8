import { SecretConflictError, SourceError } from '../errors.ts'
import { type ClusterAccess, type ClusterAccessOptions, clusterAccess } from './cluster-access.ts'
import { parseJson } from './json-lines.ts'

const REQUEST_TIMEOUT_MS = 10_000
const NOT_FOUND = 404
const CONFLICT = 409
/** Other entries of the Secret may be written at the same time. */
const MAX_WRITE_ATTEMPTS = 5

export interface SecretEntryName {
  /** Of the Secret, in the namespace that this pod runs in. */
  readonly secret: string
  /** Of its `data`. */
  readonly key: string
}

interface Secret {
  readonly metadata?: { readonly [field: string]: unknown }
  readonly data?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/**
 * One entry of a Kubernetes Secret. A write replaces only what
 * this entry was last known to hold: of two writers the later one fails.
 */
export class SecretEntry {
  /** For people. */
  readonly place: string
  readonly #name: SecretEntryName
  readonly #access: ClusterAccess
  #known: string | undefined
  /** What was sent last: without an answer it may be what the entry holds. */
  #sent: string | undefined

  private constructor(name: SecretEntryName, access: ClusterAccess) {
    this.#name = name
    this.#access = access
    this.place = `Secret ${access.namespace}/${name.secret}, key ${name.key}`
  }

  /**
   * @throws {SourceError} when this is no pod with a service account, or the kubeconfig can't be used
   */
  static async open(name: SecretEntryName, access: ClusterAccessOptions): Promise<SecretEntry> {
    return new SecretEntry(name, await clusterAccess(access))
  }

  /**
   * @returns `undefined` when there is no such Secret, or it has no such key
   * @throws {SourceError} when the API server can't be asked, or says no
   */
  async read(): Promise<Buffer | undefined> {
    const secret = await this.#get()
    this.#known = secret?.data?.[this.#name.key]
    this.#sent = this.#known
    return this.#known === undefined ? undefined : Buffer.from(this.#known, 'base64')
  }

  /**
   * @throws {SecretConflictError} when somebody else wrote the entry meanwhile
   * @throws {SourceError} when the API server can't be asked, or says no
   */
  async write(content: string | Uint8Array): Promise<void> {
    const value = Buffer.from(content).toString('base64')
    for (let attempt = 1; !(await this.#tryWrite(value, attempt === MAX_WRITE_ATTEMPTS)); ) attempt++
    this.#known = value
  }

  /** @returns false when the Secret was written meanwhile, maybe another entry of it; on the last try that is thrown */
  async #tryWrite(value: string, isLast: boolean): Promise<boolean> {
    const secret = await this.#get()
    const found = secret?.data?.[this.#name.key]
    if (found !== this.#known && found !== this.#sent) throw new SecretConflictError(this.place)
    this.#known = found
    this.#sent = value
    try {
      await this.#put(secret, value)
      return true
    } catch (error) {
      if (!(error instanceof SourceError) || error.status !== CONFLICT || isLast) throw error
      return false
    }
  }

  async #put(secret: Secret | undefined, value: string): Promise<void> {
    const data = { ...secret?.data, [this.#name.key]: value }
    if (secret === undefined) await this.#create(data)
    else await this.#replace({ ...secret, data })
  }

  async #create(data: Readonly<Record<string, string>>): Promise<void> {
    const { secret: name } = this.#name
    const { transport, namespace } = this.#access
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data }
    await transport.send('POST', { path: this.#collection, object, signal: deadline() })
  }

  /** The Secret's resourceVersion goes with it, so that a write in between makes this one fail. */
  async #replace(object: Secret): Promise<void> {
    await this.#access.transport.send('PUT', { path: this.#path, object, signal: deadline() })
  }

  async #get(): Promise<Secret | undefined> {
    try {
      const chunks = await Array.fromAsync(await this.#access.transport.get(this.#path, deadline()))
      return parseJson(Buffer.concat(chunks).toString('utf8')) as Secret
    } catch (error) {
      if (error instanceof SourceError && error.status === NOT_FOUND) return undefined
      throw error
    }
  }

  get #collection(): string {
    return `/api/v1/namespaces/${this.#access.namespace}/secrets`
  }

  get #path(): string {
    return `${this.#collection}/${this.#name.secret}`
  }
}

function deadline(): AbortSignal {
  return AbortSignal.timeout(REQUEST_TIMEOUT_MS)
}
