import type { IncomingMessage } from 'node:http'
import { type ApiObject, isRecord } from '../api-object.ts'
import type { ApiBackend } from '../backend.ts'
import { kindNamed, resourceName } from '../kinds.ts'
import { StatusError } from '../status-error.ts'
import { isObjectRef, type RequestTarget } from './request-target.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a request wants, in RBAC's words. */
interface Access {
  readonly verb: string
  readonly group: string
  /** With its subresource, if any: `deployments/scale`. */
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string | undefined
}

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/
const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/**
 * Lets a service account do what RBAC's objects allow it, and everybody else everything. A service account's token is its
 * user name, `system:serviceaccount:<namespace>:<name>`.
 *
 * @throws {StatusError} `Forbidden` that says who wanted what
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
export function authorize(
  backend: ApiBackend,
  { method, headers, url }: Pick<IncomingMessage, 'method' | 'headers' | 'url'>,
  target: RequestTarget,
): void {
  const user = headers.authorization?.replace(/^Bearer /, '') ?? ''
  const [, namespace, account] = SERVICE_ACCOUNT.exec(user) ?? []
  if (namespace === undefined || account === undefined) return
  const access = accessOf(method ?? '', target, new URL(url ?? '', 'http://double').searchParams)
  const isSubject = (subject: Fields): boolean =>
    subject['kind'] === 'ServiceAccount' && subject['name'] === account && subject['namespace'] === namespace
  if (rulesFor(backend, isSubject, access.namespace).some((rule) => allows(rule, access))) return
  const where =
    access.namespace === undefined ? 'at the cluster scope' : `in the namespace "${access.namespace}"`
  const what =
    access.name === undefined ? resourceName(target.kind) : `${resourceName(target.kind)} "${access.name}"`
  throw new StatusError(
    'Forbidden',
    `${what} is forbidden: User "${user}" cannot ${access.verb} resource "${access.resource}" in API group "${access.group}" ${where}`,
  )
}

function accessOf(method: string, target: RequestTarget, query: URLSearchParams): Access {
  const { group, plural } = target.kind
  const { namespace } = target
  if (isObjectRef(target)) {
    const resource = target.subresource === undefined ? plural : `${plural}/${target.subresource}`
    return { verb: VERBS[method] ?? 'get', group, resource, namespace, name: target.name }
  }
  const read = ['1', 'true'].includes(query.get('watch') ?? '') ? 'watch' : 'list'
  const verb = method === 'DELETE' ? 'deletecollection' : (VERBS[method] ?? read)
  return { verb, group, resource: plural, namespace, name: selectedName(query) }
}

/** A list or a watch of one name is allowed by that name. */
function selectedName(query: URLSearchParams): string | undefined {
  return /^metadata\.name==?([^,]+)$/.exec(query.get('fieldSelector') ?? '')?.[1]
}

/** Rules of the roles that a subject has in a namespace, those of the whole cluster included. */
function rulesFor(
  backend: ApiBackend,
  isSubject: (subject: Fields) => boolean,
  namespace: string | undefined,
): readonly Fields[] {
  const cluster = backend.list({ kind: kindNamed('ClusterRoleBinding'), namespace: undefined }).items
  const local =
    namespace === undefined ? [] : backend.list({ kind: kindNamed('RoleBinding'), namespace }).items
  return [...cluster, ...local]
    .filter(({ subjects }) => listOf(subjects).some(isSubject))
    .flatMap((binding) => listOf(roleOf(backend, binding)?.['rules']))
}

function roleOf(backend: ApiBackend, { metadata, roleRef }: ApiObject): ApiObject | undefined {
  const { kind, name } = isRecord(roleRef) ? roleRef : {}
  const isLocal = kind === 'Role'
  const collection = {
    kind: kindNamed(isLocal ? 'Role' : 'ClusterRole'),
    namespace: isLocal ? metadata.namespace : undefined,
  }
  return backend.list(collection).items.find((role) => role.metadata.name === name)
}

function allows(rule: Fields, { verb, group, resource, name }: Access): boolean {
  const has = (field: string, wanted: string): boolean => {
    const values = rule[field]
    return Array.isArray(values) && (values.includes(wanted) || values.includes('*'))
  }
  const names = rule['resourceNames']
  const isNamed = !Array.isArray(names) || names.length === 0 || names.includes(name)
  return has('verbs', verb) && has('apiGroups', group) && has('resources', resource) && isNamed
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}
