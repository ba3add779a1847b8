import { readFile } from 'node:fs/promises'
import { SourceError } from '../errors.ts'
import type { RequestSettings } from './transport.ts'

/** Where each pod finds what its service account is known by. */
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

export const SERVICE_ACCOUNT = {
  caFile: `${FOLDER}/ca.crt`,
  tokenFile: `${FOLDER}/token`,
  namespaceFile: `${FOLDER}/namespace`,
} as const

export interface CredentialFiles {
  /** Certificates (PEM) that sign the server's; without, those that Node trusts. */
  readonly caFile?: string | undefined
  /** A bearer token. */
  readonly tokenFile?: string | undefined
}

/** Settings from files, which are read for each request: certificates and tokens are renewed while the process runs. */
export function credentialsFrom({ caFile, tokenFile }: CredentialFiles): RequestSettings {
  return async () => ({
    ...(caFile === undefined ? {} : { ca: await readCredential(caFile) }),
    ...(tokenFile === undefined
      ? {}
      : { headers: { authorization: `Bearer ${await readCredential(tokenFile)}` } }),
  })
}

/** @throws {SourceError} when there is none */
export async function readCredential(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new SourceError(`${cause instanceof Error ? cause.message : cause}`, undefined, { cause })
  }
}
