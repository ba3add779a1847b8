import type { KindRegistry } from '../kind-registry.ts'
import { apiVersionOf, type Kind } from '../kinds.ts'

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** What `kubectl version` shows of the server. */
const VERSION = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0-edgeway-api-double',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'linux/amd64',
}

/**
 * Answers that say what the server serves; `undefined` for a path that is none of these.
 *
 * @see https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
 */
export function discover(path: string, kinds: KindRegistry): unknown {
  if (path === '/version') return VERSION
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(kinds) }
  const [, api, group, version] = /^\/(apis?)\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? []
  if (group === undefined) return undefined
  if (api === 'api' && version === undefined) return resourcesOf(kinds, '', group)
  if (api === 'apis' && version !== undefined) return resourcesOf(kinds, group, version)
  return api === 'apis' ? groupsOf(kinds).find(({ name }) => name === group) : undefined
}

function groupsOf(kinds: KindRegistry) {
  const names = new Set(kinds.all().map(({ group }) => group))
  names.delete('')
  return [...names].map((name) => {
    const versions = [
      ...new Set(kinds.all().flatMap(({ group, version }) => (group === name ? [version] : []))),
    ]
    const named = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }))
    return { kind: 'APIGroup', apiVersion: 'v1', name, versions: named, preferredVersion: named[0] }
  })
}

function resourcesOf(kinds: KindRegistry, group: string, version: string): unknown {
  const served = kinds.all().filter((kind) => kind.group === group && kind.version === version)
  if (served.length === 0) return undefined
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group, version }),
    resources: served.flatMap(resourceEntries),
  }
}

function resourceEntries(kind: Kind): unknown[] {
  const { plural, namespaced, shortNames, categories } = kind
  const entry = {
    name: plural,
    singularName: kind.kind.toLowerCase(),
    namespaced,
    kind: kind.kind,
    verbs: VERBS,
    ...(shortNames === undefined ? {} : { shortNames }),
    ...(categories === undefined ? {} : { categories }),
  }
  const part = (name: string, of: object): unknown => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    verbs: ['get', 'patch', 'update'],
    ...of,
  })
  return [
    entry,
    ...(kind.hasStatus === true ? [part('status', { kind: kind.kind })] : []),
    ...(kind.kind === 'Deployment'
      ? [part('scale', { group: 'autoscaling', version: 'v1', kind: 'Scale' })]
      : []),
  ]
}
