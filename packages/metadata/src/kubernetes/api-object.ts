import type { ObjectIdentity } from '../reflector/object-set.ts'
import { Fields } from './fields.ts'

/** An object of the API, of which only the identity was checked; the rest is read through `fields`. */
export interface ApiObject extends ObjectIdentity {
  /** Empty for kinds without namespaces. */
  readonly namespace: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly fields: Fields
}

/** @throws {MalformedObjectError} when it is no object with a name */
export function readIdentity(value: unknown): ObjectIdentity {
  const metadata = new Fields(value, '').child('metadata')
  const name = metadata.string('name')
  const namespace = metadata.optionalString('namespace') ?? ''
  const revision = Number(metadata.optionalString('resourceVersion') ?? 0)
  return {
    key: namespace === '' ? name : `${namespace}/${name}`,
    uid: metadata.optionalString('uid') ?? '',
    revision: Number.isSafeInteger(revision) ? revision : 0,
  }
}

/** @throws {MalformedObjectError} when it is no object with a name, or its metadata can't be read */
export function readApiObject(value: unknown): ApiObject {
  const fields = new Fields(value, '')
  const metadata = fields.child('metadata')
  return {
    ...readIdentity(value),
    namespace: metadata.optionalString('namespace') ?? '',
    name: metadata.string('name'),
    labels: metadata.stringMap('labels'),
    annotations: metadata.stringMap('annotations'),
    fields,
  }
}
