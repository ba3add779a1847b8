import type { IncomingMessage } from 'node:http'
import { parseDocument } from 'yaml'
import { type ApiObject, isApiObject, isRecord } from '../api-object.ts'
import { apiVersionOf } from '../kinds.ts'
import { StatusError } from '../status-error.ts'
import { isObjectRef, type RequestTarget } from './request-target.ts'

/** As kube-apiserver's and MetaServer's. */
const MAX_BODY_BYTES = 3 * 1024 * 1024
/** Characters of the random end of a generated name, as Kubernetes' own: no vowels, so no words. */
const NAME_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'
const NAME_LENGTH = 5

/**
 * Reads the object that a write carries.
 *
 * @throws {StatusError} `BadRequest` when it is none, or does not belong where the request's path points
 */
export async function readObject(request: IncomingMessage, target: RequestTarget): Promise<ApiObject> {
  const body = await readBody(request)
  return asObjectAt(isRecord(body) ? named(body, target) : body, target)
}

/** @throws {StatusError} `BadRequest` when it is no object, or does not belong where the path points */
export function asObjectAt(object: unknown, target: RequestTarget): ApiObject {
  if (!isApiObject(object)) throw new StatusError('BadRequest', 'the body is not an object of the API')

  const { kind, namespace } = target
  const { name, namespace: itsNamespace } = object.metadata
  if (object.kind !== kind.kind || object.apiVersion !== apiVersionOf(kind))
    throw new StatusError(
      'BadRequest',
      `the API version in the data (${object.apiVersion}, Kind=${object.kind}) does not match the expected API version (${apiVersionOf(kind)}, Kind=${kind.kind})`,
    )
  if (kind.namespaced && namespace === undefined)
    throw new StatusError(
      'MethodNotAllowed',
      'the server does not allow this method on the requested resource',
    )
  if ((itsNamespace || namespace) !== namespace)
    throw new StatusError(
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    )
  if (isObjectRef(target) && name !== target.name)
    throw new StatusError(
      'BadRequest',
      `the name of the object (${name}) does not match the name on the URL (${target.name})`,
    )
  return object
}

/**
 * @returns `undefined` for an empty body
 * @throws {StatusError} `UnsupportedMediaType` for a binary form, `BadRequest` when it is neither JSON nor YAML, as its
 * content type says
 */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const type = request.headers['content-type'] ?? ''
  if (/protobuf|cbor/.test(type))
    throw new StatusError('UnsupportedMediaType', `the body of the request was in an unknown format: ${type}`)
  const text = await readText(request)
  if (text === '') return undefined
  if (type.includes('yaml')) return parseYaml(text)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new StatusError('BadRequest', 'the body is not JSON', { cause: error })
  }
}

/** A new object may leave its type to the path, and its name to the server. */
function named(body: Readonly<Record<string, unknown>>, target: RequestTarget): unknown {
  const metadata = isRecord(body['metadata']) ? body['metadata'] : {}
  const { kind } = target
  const typed = {
    ...body,
    apiVersion: body['apiVersion'] ?? apiVersionOf(kind),
    kind: body['kind'] ?? kind.kind,
  }
  const { name, generateName } = metadata as { readonly name?: unknown; readonly generateName?: unknown }
  if ((name !== undefined && name !== '') || typeof generateName !== 'string') return typed
  return { ...typed, metadata: { ...metadata, name: generateName + randomEnd() } }
}

function randomEnd(): string {
  const letter = (): string => NAME_LETTERS.charAt(Math.floor(Math.random() * NAME_LETTERS.length))
  return Array.from({ length: NAME_LENGTH }, letter).join('')
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new StatusError('RequestEntityTooLarge', 'the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text)
  const [error] = document.errors
  if (error !== undefined) throw new StatusError('BadRequest', `the body is not YAML: ${error.message}`)
  return document.toJS()
}
