import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'
import { type ApiObject, isApiObject, type ObjectRef } from './api-object.ts'
import { kindOf } from './kinds.ts'
import { StatusError } from './status-error.ts'

/**
 * The objects of a manifest: YAML (or JSON) documents, empty ones left out.
 *
 * @throws {StatusError} `BadRequest` that says which document is wrong and why
 */
export function parseManifest(text: string): ApiObject[] {
  return [...parseAllDocuments(text)].flatMap((document, index): ApiObject[] => {
    const [error] = document.errors
    if (error !== undefined) throw new StatusError('BadRequest', `document ${index + 1}: ${error.message}`)
    const value: unknown = document.toJS()
    if (value === null || value === undefined) return []
    if (isApiObject(value)) return [value]
    throw new StatusError('BadRequest', `document ${index + 1}: apiVersion, kind or metadata.name is missing`)
  })
}

export async function readManifests(files: readonly string[]): Promise<ApiObject[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  return texts.flatMap(parseManifest)
}

/**
 * Where an object belongs.
 *
 * @throws {StatusError} `BadRequest` for a kind that is not served
 */
export function refOf({ apiVersion, kind: kindName, metadata }: ApiObject): ObjectRef {
  const kind = kindOf(apiVersion, kindName)
  if (kind === undefined)
    throw new StatusError('BadRequest', `no kind "${kindName}" in version "${apiVersion}"`)
  const namespace = kind.namespaced ? (metadata.namespace ?? 'default') : undefined
  return { kind, namespace, name: metadata.name }
}
