import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** PEM files. */
export interface Identity {
  readonly key: string
  readonly certificate: string
}

/** A certificate authority in a folder, by openssl. */
export class Authority {
  readonly #folder: string
  /** The PEM file of its own certificate. */
  readonly certificate: string

  private constructor(folder: string) {
    this.#folder = folder
    this.certificate = join(folder, 'ca.pem')
  }

  static async create(folder: string): Promise<Authority> {
    const authority = new Authority(folder)
    const constraints = ['-addext', 'basicConstraints=critical,CA:TRUE']
    await authority.#request('ca', 'scenario CA', ['-x509', ...constraints, '-out', authority.certificate])
    return authority
  }

  /** @param name - its CN and its only DNS name */
  async issue(name: string): Promise<Identity> {
    const signed = ['-x509', '-CA', this.certificate, '-CAkey', this.#path('ca.key')]
    const certificate = this.#path(`${name}.pem`)
    const names = ['-addext', `subjectAltName=DNS:${name}`, '-addext', 'basicConstraints=critical,CA:FALSE']
    await this.#request(name, name, [...signed, ...names, '-out', certificate])
    return { key: this.#path(`${name}.key`), certificate }
  }

  async #request(file: string, commonName: string, options: readonly string[]): Promise<void> {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout']
    const subject = ['-subj', `/CN=${commonName}`, '-days', '2']
    await run('openssl', ['req', ...key, this.#path(`${file}.key`), ...subject, ...options])
  }

  #path(file: string): string {
    return join(this.#folder, file)
  }
}
