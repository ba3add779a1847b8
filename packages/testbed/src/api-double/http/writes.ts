import type { IncomingMessage } from 'node:http'
import { type ApiObject, isRecord, type ObjectRef } from '../api-object.ts'
import {
  type ApiBackend,
  type DeleteOptions,
  FIELD_VALIDATIONS,
  PROPAGATION_POLICIES,
  type WriteOptions,
} from '../backend.ts'
import { resourceName } from '../kinds.ts'
import { finalizersOf } from '../object-identity.ts'
import { applyPatch } from '../patch/patch.ts'
import { selectorOf } from '../selectors.ts'
import { StatusError } from '../status-error.ts'
import { asObjectAt, readBody, readObject } from './request-body.ts'
import { isObjectRef, type RequestTarget } from './request-target.ts'
import { readScale, withScale } from './scale.ts'

/** What a write is answered with. */
export type Written = { readonly code: 200 | 201; readonly warnings: readonly string[] } & (
  | { readonly isStatus: false; readonly body: ApiObject }
  | { readonly isStatus: true; readonly body: unknown }
)

/** A patch is tried again on what others wrote meanwhile, as often as kube-apiserver does. */
const PATCH_ATTEMPTS = 5

/** Carries out POST, PUT, PATCH and DELETE. */
export class Writes {
  readonly #backend: ApiBackend

  constructor(backend: ApiBackend) {
    this.#backend = backend
  }

  /** @throws {StatusError} that says why not */
  async handle(request: IncomingMessage, target: RequestTarget, query: URLSearchParams): Promise<Written> {
    const warnings: string[] = []
    const { method } = request
    const options = writeOptions(query, target, warnings)
    if (method === 'DELETE') return { ...(await this.#delete(request, target, query)), warnings }
    if (method === 'POST' && !isObjectRef(target)) {
      const object = await readObject(request, target)
      const ref: ObjectRef = { ...target, name: object.metadata.name }
      return { code: 201, isStatus: false, body: await this.#backend.create(ref, object, options), warnings }
    }
    if ((method === 'PUT' || method === 'PATCH') && isObjectRef(target)) {
      const body =
        method === 'PUT'
          ? await this.#put(request, target, options)
          : await this.#patch(request, target, options)
      return { code: 200, isStatus: false, body, warnings }
    }
    throw notAllowed()
  }

  async #put(request: IncomingMessage, target: ScopedRef, options: WriteOptions): Promise<ApiObject> {
    if (target.subresource !== 'scale')
      return await this.#backend.replace(target, await readObject(request, target), options)
    const scaled = withScale(this.#backend.get(target), await readBody(request))
    return readScale(await this.#backend.replace(target, scaled, options))
  }

  async #patch(request: IncomingMessage, target: ScopedRef, options: WriteOptions): Promise<ApiObject> {
    const type = request.headers['content-type']?.split(';')[0] ?? ''
    const patch = { type, body: await readBody(request) }
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#patchOnce(target, patch, options)
      } catch (error) {
        const isOvertaken = error instanceof StatusError && error.reason === 'Conflict'
        if (!isOvertaken || attempt === PATCH_ATTEMPTS) throw error
      }
    }
  }

  async #patchOnce(
    target: ScopedRef,
    patch: { readonly type: string; readonly body: unknown },
    options: WriteOptions,
  ): Promise<ApiObject> {
    const current = this.#backend.get(target)
    const schema = this.#backend.kinds.schemaOf(target.kind)
    if (target.subresource === 'scale') {
      const scale = applyPatch(readScale(current), patch, { kind: target.kind, schema: {} })
      return readScale(await this.#backend.replace(target, withScale(current, scale), options))
    }
    const patched = asObjectAt(applyPatch(current, patch, { kind: target.kind, schema }), target)
    return await this.#backend.replace(target, patched, options)
  }

  async #delete(
    request: IncomingMessage,
    target: RequestTarget,
    query: URLSearchParams,
  ): Promise<Pick<Written, 'code'> & { readonly isStatus: true; readonly body: unknown }> {
    const options = deleteOptions(await readBody(request), query)
    if (!isObjectRef(target) && target.kind.namespaced && target.namespace === undefined) throw notAllowed()
    if (!isObjectRef(target))
      return { code: 200, isStatus: true, body: await this.#deleteAll(target, query, options) }
    const object = await this.#backend.delete(target, options)
    if (object.metadata.deletionTimestamp !== undefined && finalizersOf(object).length > 0)
      return { code: 200, isStatus: true, body: object }
    const { kind, name } = target
    const details = {
      name,
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.plural,
      uid: object.metadata.uid,
    }
    return {
      code: 200,
      isStatus: true,
      body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details },
    }
  }

  async #deleteAll(
    target: Exclude<RequestTarget, ScopedRef>,
    query: URLSearchParams,
    options: DeleteOptions,
  ): Promise<unknown> {
    const selector = selectorOf(query, target.kind) ?? (() => true)
    const doomed = this.#backend.list(target).items.filter(selector)
    for (const { metadata } of doomed)
      await this.#backend.delete(
        { kind: target.kind, namespace: metadata.namespace, name: metadata.name },
        options,
      )
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      message: `${doomed.length} ${resourceName(target.kind)} deleted`,
    }
  }
}

function notAllowed(): StatusError {
  return new StatusError(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  )
}

type ScopedRef = Extract<RequestTarget, { readonly name: string }>

function writeOptions(query: URLSearchParams, target: RequestTarget, warnings: string[]): WriteOptions {
  const subresource = isObjectRef(target) && target.subresource === 'status' ? 'status' : undefined
  const fieldValidation = oneOf(FIELD_VALIDATIONS, query.get('fieldValidation'), 'fieldValidation') ?? 'Warn'
  return {
    dryRun: isDryRun(query.getAll('dryRun')),
    fieldValidation,
    subresource,
    warn: (text) => void warnings.push(text),
  }
}

function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const options = isRecord(body) ? body : {}
  const { preconditions, propagationPolicy, orphanDependents, dryRun } = options as {
    readonly preconditions?: DeleteOptions['preconditions']
    readonly propagationPolicy?: string
    readonly orphanDependents?: boolean
    readonly dryRun?: unknown
  }
  const policy =
    propagationPolicy ?? query.get('propagationPolicy') ?? (orphanDependents === true ? 'Orphan' : null)
  return {
    dryRun: isDryRun([...query.getAll('dryRun'), ...(Array.isArray(dryRun) ? dryRun : [dryRun ?? ''])]),
    preconditions,
    propagationPolicy: oneOf(PROPAGATION_POLICIES, policy, 'propagationPolicy'),
  }
}

function isDryRun(values: readonly unknown[]): boolean {
  const given = values.filter((value) => value !== '')
  if (given.some((value) => value !== 'All'))
    throw new StatusError(
      'BadRequest',
      `dryRun: Unsupported value: ${JSON.stringify(given)}: supported values: "All"`,
    )
  return given.length > 0
}

function oneOf<Value extends string>(
  supported: readonly Value[],
  text: string | null,
  name: string,
): Value | undefined {
  if (text === null || text === '') return undefined
  const found = supported.find((value) => value === text)
  if (found !== undefined) return found
  throw new StatusError(
    'BadRequest',
    `${name}: Unsupported value: ${JSON.stringify(text)}: supported values: ${supported.map((value) => JSON.stringify(value)).join(', ')}`,
  )
}
