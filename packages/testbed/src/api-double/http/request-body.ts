import type { IncomingMessage } from 'node:http'
import { type ApiObject, isApiObject } from './api-object.ts'
import { apiVersionOf } from './kinds.ts'
import { isObjectRef, type RequestTarget } from './request-target.ts'
import { StatusError } from './status-error.ts'

/** As kube-apiserver's and MetaServer's. */
const MAX_BODY_BYTES = 3 * 1024 * 1024

/**
 * Reads the object that a write carries.
 *
 * @throws {StatusError} `BadRequest` when it is none, or does not belong where the request's path points
 */
export async function readObject(request: IncomingMessage, target: RequestTarget): Promise<ApiObject> {
  const object = parse(await readText(request))
  if (!isApiObject(object)) throw new StatusError('BadRequest', 'the body is not an object of the API')

  const { kind, namespace } = target
  const belongs =
    object.kind === kind.kind &&
    object.apiVersion === apiVersionOf(kind) &&
    (kind.namespaced ? namespace !== undefined : true) &&
    (object.metadata.namespace ?? namespace) === namespace &&
    (!isObjectRef(target) || object.metadata.name === target.name)
  if (!belongs) throw new StatusError('BadRequest', 'the object does not belong to the path of the request')
  return object
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new StatusError('BadRequest', 'the body is not JSON', { cause: error })
  }
}
