import { EdgewayError } from '@edgeway/core'
import { parseAllDocuments } from 'yaml'
import { type ApiObject, isApiObject, isRecord, type ObjectRef } from './api-object.ts'
import { KindRegistry } from './kind-registry.ts'

/** A manifest can't be used as it stands. */
export class ManifestError extends EdgewayError {
  override readonly name = 'ManifestError'
  readonly code = 'ERR_MANIFEST'
}

/** An object and the place in the API where it belongs. */
export interface PlacedObject {
  readonly ref: ObjectRef
  readonly object: ApiObject
}

/**
 * The objects of plain manifests: YAML with any number of documents, each an object or a `List`. Objects of namespaced
 * kinds that name no namespace go to `default`, as with kubectl.
 *
 * @throws {ManifestError} for broken YAML, something that is no object, or a kind that the double does not serve
 */
export function parseManifests(text: string, kinds = new KindRegistry()): PlacedObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors
    if (error !== undefined) throw new ManifestError(error.message, { cause: error })
    const value: unknown = document.toJS()
    return value === null ? [] : itemsOf(value).map((object) => placeObject(object, kinds))
  })
}

/** @throws {ManifestError} for something that is no object, or of a kind that the double does not serve */
export function placeObject(object: unknown, kinds = new KindRegistry()): PlacedObject {
  if (!isApiObject(object)) {
    throw new ManifestError(
      `not an object with apiVersion, kind and metadata.name: ${JSON.stringify(object)}`,
    )
  }
  const kind = kinds.find(object.apiVersion, object.kind)
  if (kind === undefined) throw new ManifestError(`kind not served: ${object.apiVersion} ${object.kind}`)
  const namespace = kind.namespaced ? (object.metadata.namespace ?? 'default') : undefined
  return { ref: { kind, namespace, name: object.metadata.name }, object }
}

function itemsOf(value: unknown): unknown[] {
  return isRecord(value) && value['kind'] === 'List' && Array.isArray(value['items'])
    ? value['items']
    : [value]
}
