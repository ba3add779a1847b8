import { describe, expect, it } from 'vitest'
import type { ContainerPlan } from './container-plan.ts'
import { podmanCommand, podmanOnceCommand } from './podman.ts'

const PLAN: ContainerPlan = {
  image: 'edgeway/edge-agent:0.1.0',
  args: ['--config', '/etc/config.yaml'],
  env: { NODE_NAME: 'edge-1' },
  mounts: [
    { source: '/a', target: '/etc/edgeway', readOnly: true },
    { source: '/b', target: '/var/lib/edgeway', readOnly: false },
  ],
  user: 7,
  group: 8,
  capabilities: ['NET_ADMIN', 'SETGID'],
  noNewPrivileges: true,
  readOnlyRoot: true,
  memoryLimitBytes: 2 ** 29,
  readinessUrl: new URL('http://127.0.0.1:1/readyz'),
  terminationGraceMs: 30_000,
}

function commandFor(change: Partial<ContainerPlan>): readonly string[] {
  return podmanCommand({ ...PLAN, ...change }, { name: 'one', namespace: 'lab-edge-1' })
}

describe('podmanCommand', () => {
  it('says everything that the plan says', () => {
    const command = commandFor({})

    expect(command).toEqual(
      expect.arrayContaining([
        '--name=one',
        '--network=ns:/var/run/netns/lab-edge-1',
        '--user=7:8',
        '--cap-drop=ALL',
        '--security-opt=no-new-privileges',
        '--read-only',
        '--read-only-tmpfs=false',
        `--memory=${2 ** 29}`,
        '--stop-timeout=30',
        '--env=NODE_NAME=edge-1',
        '--volume=/a:/etc/edgeway:ro',
        '--volume=/b:/var/lib/edgeway:rw',
      ]),
    )
    expect(command.filter((argument) => argument.startsWith('--cap-add'))).toEqual([
      '--cap-add=NET_ADMIN',
      '--cap-add=SETGID',
    ])
    expect(command.slice(-3)).toEqual(['localhost/edgeway/edge-agent:0.1.0', '--config', '/etc/config.yaml'])
  })

  it('adds no restriction that the plan does not have', () => {
    const command = commandFor({ readOnlyRoot: false, noNewPrivileges: false, capabilities: [] })

    expect(command.filter((argument) => /read-only|security-opt|cap-add/.test(argument))).toEqual([])
  })
})

describe('podmanOnceCommand', () => {
  it('puts the command in the place of the entry point, without a network', () => {
    const command = podmanOnceCommand({ image: 'base', command: ['nft', 'list', 'tables'] })

    expect(command).toContain('--network=none')
    expect(command.slice(-4)).toEqual(['--entrypoint=nft', 'base', 'list', 'tables'])
  })
})
