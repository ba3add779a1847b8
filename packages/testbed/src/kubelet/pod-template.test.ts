import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ApiObject } from '../api-double/api-object.ts'
import { parseManifests } from '../api-double/manifests.ts'
import { REPOSITORY } from '../mesh/repository.ts'
import { type NodeContext, planContainer } from './container-plan.ts'
import { readImageConfig } from './image-config.ts'
import { podTemplateOf } from './pod-template.ts'

const NODE: NodeContext = {
  nodeName: 'edge-1',
  env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' },
  mounts: [{ source: '/account', target: '/var/run/secrets', readOnly: true }],
  folderOf: ({ name }) => `/volumes/${name}`,
}

async function manifest(file: string): Promise<ApiObject> {
  const [placed] = parseManifests(await readFile(join(REPOSITORY, 'manifests', file), 'utf8'))
  return placed?.object ?? expect.fail(`nothing in ${file}`)
}

/** The DaemonSet of the manifests with its pod's only container changed. */
async function agentWith(change: Readonly<Record<string, unknown>>): Promise<ApiObject> {
  const daemonSet = structuredClone(await manifest('edge-agent/daemonset.yaml')) as unknown as {
    readonly spec: { readonly template: { readonly spec: { containers: object[] } } }
  }
  const pod = daemonSet.spec.template.spec
  pod.containers = pod.containers.map((container) => ({ ...container, ...change }))
  return daemonSet as unknown as ApiObject
}

describe('the container of the DaemonSet', () => {
  it('is what the manifest says, on that node', async () => {
    const plan = planContainer(podTemplateOf(await manifest('edge-agent/daemonset.yaml')), NODE)

    expect(plan).toMatchObject({
      args: ['--config', '/etc/edgeway/agent/config.yaml'],
      env: { NODE_NAME: 'edge-1', KUBERNETES_SERVICE_HOST: '10.0.0.1' },
      user: 0,
      capabilities: ['NET_ADMIN', 'NET_RAW', 'NET_BIND_SERVICE', 'SETGID'],
      noNewPrivileges: true,
      readOnlyRoot: true,
      memoryLimitBytes: 512 * 2 ** 20,
      terminationGraceMs: 30_000,
    })
    expect(plan.readinessUrl.href).toBe('http://127.0.0.1:20009/readyz')
    expect(plan.mounts).toContainEqual({
      source: '/volumes/data',
      target: '/var/lib/edgeway/agent',
      readOnly: false,
    })
    expect(plan.mounts).toContainEqual(NODE.mounts[0])
  })

  it.each([
    [
      'a field that the lab does not carry out',
      { lifecycle: {} },
      'spec.template.spec.containers[0].lifecycle',
    ],
    ['capabilities that are kept', { securityContext: {} }, 'drops ALL capabilities'],
    [
      'a mount without a volume',
      { volumeMounts: [{ name: 'none', mountPath: '/x' }] },
      'names no volume: none',
    ],
    [
      'an environment from elsewhere',
      { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] },
      'A comes from status.podIP',
    ],
    ['a memory limit in other units', { resources: { limits: { memory: '1G' } } }, 'in Mi or Gi: 1G'],
  ])('is refused with %s', async (_what, change, message) => {
    const daemonSet = await agentWith(change)
    expect(() => planContainer(podTemplateOf(daemonSet), NODE)).toThrow(message)
  })
})

describe('the container of the Deployment', () => {
  it('runs as nobody, without any capability', async () => {
    const plan = planContainer(podTemplateOf(await manifest('tunnel-server/deployment.yaml')), NODE)

    expect(plan).toMatchObject({ user: 65_532, group: 65_532, capabilities: [], readOnlyRoot: true })
    expect(plan.readinessUrl.href).toBe('http://127.0.0.1:20007/readyz')
  })

  it('knows its node, by which its key is named, and can write to its data folder alone', async () => {
    const plan = planContainer(podTemplateOf(await manifest('tunnel-server/deployment.yaml')), NODE)

    expect(plan.env).toMatchObject({ NODE_NAME: 'edge-1' })
    expect(plan.mounts.filter(({ readOnly }) => !readOnly)).toEqual([
      { source: '/volumes/data', target: '/var/lib/edgeway/tunnel-server', readOnly: false },
    ])
  })
})

describe('the config of an image', () => {
  const CONTAINERFILE = `ARG BASE=debian
FROM \${BASE} AS one
ENV PATH=/a:/b MODE=x
WORKDIR /one
ENTRYPOINT ["node", "one.ts"]

FROM \${BASE} AS two
WORKDIR /two
`

  it('is read from its own stage', () => {
    expect(readImageConfig(CONTAINERFILE, 'one')).toEqual({
      entrypoint: ['node', 'one.ts'],
      workingDir: '/one',
      env: { PATH: '/a:/b', MODE: 'x' },
    })
  })

  it.each([
    ['two', 'has no ENTRYPOINT or no WORKDIR'],
    ['three', 'has no stage three'],
  ])('%s is refused: %s', (stage, message) => {
    expect(() => readImageConfig(CONTAINERFILE, stage)).toThrow(message)
  })
})
