import { chmod, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeName } from '@edgeway/core'
import { type ClusterKeys, parseJoinToken } from '@edgeway/tunnel'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/commands/commands.ts'
import { Operator } from './operator.ts'

const PEER = '12D3KooWRw48BNE3xLFTAZ64JHV2Pm6dAt32PYadh6zriuC14Lxb'
const DAY = 86_400

function certificateFor(keys: ClusterKeys, node: string): string {
  const request = { node: node as NodeName, peerId: PEER, role: 'agent', labels: {} } as const
  return keys.issue(request, DAY)
}

function verdict(keys: ClusterKeys, certificate: string): string {
  const found = keys.trust.judge(certificate, { peerId: PEER })
  return found.kind === 'refused' ? found.reason : found.kind
}

describe('token create', () => {
  it('prints a token for one node and 24 hours, and nothing else, to standard output', async () => {
    await using operator = await Operator.atServer()
    const { code, stdout, stderr } = await operator.run('token', 'create')

    const token = parseJoinToken(stdout)
    expect(code).toBe(0)
    expect(token).toMatchObject({ cluster: (await operator.keys()).cluster, uses: 'single' })
    expect((token.notAfter ?? 0) - token.issuedAt).toBe(DAY)
    expect(stderr).toMatch(
      new RegExp(`^token ${token.id}: lets one node of any name in, once, until \\d{4}-.*T.*Z$`),
    )
    expect(stderr).not.toContain(stdout)
  })

  it('binds it to a node, for as long and as often as is said', async () => {
    await using operator = await Operator.atServer()
    const args = ['token', 'create', '--node', 'edge-1', '--valid-for', '90m', '--multi-use']
    const { stdout, stderr } = await operator.run(...args)

    const token = parseJoinToken(stdout)
    expect(token).toMatchObject({ node: 'edge-1', uses: 'multi' })
    expect((token.notAfter ?? 0) - token.issuedAt).toBe(5_400)
    expect(stderr).toContain('lets node edge-1 in, as often as it likes, until ')
  })

  it.each([
    [['--valid-for', '1w'], '--valid-for: expected a whole number of minutes, hours or days'],
    [['--valid-for', '1w'], 'found "1w"'],
    [['--node', 'Edge 1'], '--node: expected the name of a Node, found "Edge 1"'],
    [['--nodes', 'edge-1'], "Unknown option '--nodes'"],
    [['edge-1'], 'unexpected argument "edge-1"'],
  ])('refuses %j', async (args, message) => {
    await using operator = await Operator.atServer()
    const { code, stdout, stderr } = await operator.run('token', 'create', ...args)

    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
    expect(stderr).toContain('Try tunnel-server token create --help.')
  })
})

describe('token revoke', () => {
  it.each(['its id', 'itself'])('makes a token worthless that is named by %s', async (name) => {
    await using operator = await Operator.atServer()
    const { stdout } = await operator.run('token', 'create')
    const { id } = parseJoinToken(stdout)
    const { code, stderr } = await operator.run('token', 'revoke', name === 'itself' ? stdout : id)

    expect(code).toBe(0)
    expect(stderr).toContain(`token ${id} is revoked`)
    expect((await operator.keys()).trust.revocation('token', id)).toBeDefined()
  })

  it('refuses what is no token, without showing it', async () => {
    await using operator = await Operator.atServer()
    const { code, stderr } = await operator.run('token', 'revoke', 'edgeway2.secret.cut')

    expect(code).toBe(2)
    expect(stderr).toContain('ID: expected the id of a join token, or the token; found neither')
    expect(stderr).not.toContain('secret')
  })
})

describe('revoke', () => {
  it('ends what was given to a node name so far, until it is readmitted', async () => {
    await using operator = await Operator.atServer()
    const server = await operator.keys()
    const certificate = certificateFor(server, 'edge-1')
    const other = certificateFor(server, 'edge-2')
    const revoked = await operator.run('revoke', '--node', 'edge-1')
    expect(revoked).toMatchObject({ code: 0, stdout: '' })
    expect(revoked.stderr).toContain('node edge-1 is revoked')
    expect(revoked.stderr).toContain('replace the join tokens for many uses')

    expect(await server.refresh()).toBe('changed')
    expect([verdict(server, certificate), verdict(server, other)]).toEqual(['revoked', 'member'])

    expect((await operator.run('readmit', '--node', 'edge-1')).stderr).toMatch(
      /^node edge-1 is taken again; it was revoked at \d{4}-/,
    )
    await server.refresh()
    expect(verdict(server, certificate)).toBe('member')
    await operator.run('revoke', '--node', 'edge-1')
    await server.refresh()
    expect(verdict(server, certificate)).toBe('revoked')
  })

  it('ends a key for ever', async () => {
    await using operator = await Operator.atServer()
    const server = await operator.keys()
    const certificate = certificateFor(server, 'edge-1')
    await operator.run('revoke', '--peer', PEER)
    await operator.run('readmit', '--node', 'edge-1')
    await server.refresh()

    expect(verdict(server, certificate)).toBe('revoked')
  })

  it.each([
    [['revoke'], 'expected either --node NODE or --peer PEERID'],
    [['revoke', '--node', 'edge-1', '--peer', PEER], 'expected either --node NODE or --peer PEERID'],
    [['revoke', '--peer', 'edge-1'], '--peer: expected the PeerId of a node, found "edge-1"'],
    [['revoke', '--node', ''], '--node: expected the name of a Node, found ""'],
    [['readmit'], '--node NODE is missing'],
  ])('refuses %j', async (args, message) => {
    await using operator = await Operator.atServer()
    const { code, stderr } = await operator.run(...args)

    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it('says so when there is nothing to take back', async () => {
    await using operator = await Operator.atServer()
    const before = await readFile(join(operator.dataDir, 'cluster.json'), 'utf8')

    expect(await operator.run('readmit', '--node', 'edge-1')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'node edge-1 is not revoked: nothing was changed.',
    })
    expect(await readFile(join(operator.dataDir, 'cluster.json'), 'utf8')).toBe(before)
  })
})

describe('cluster-key', () => {
  it('show tells of keys and revocations, and of no secret', async () => {
    await using operator = await Operator.atServer()
    await operator.run('cluster-key', 'rotate')
    await operator.run('revoke', '--node', 'edge-1')
    const { stdout, code } = await operator.run('cluster-key', 'show')

    const { cluster, trust } = await operator.keys()
    const [signing, older] = trust.rootIds
    expect(code).toBe(0)
    expect(stdout.split('\n')).toEqual([
      `cluster ${cluster}`,
      `serial ${trust.serial}`,
      `key ${signing} signs`,
      `key ${older} trusted until it is retired`,
      expect.stringMatching(/^revoked node edge-1 \d{4}-\d\d-\d\dT[\d:]{8}Z$/),
    ])
    const stored = JSON.parse(await readFile(join(operator.dataDir, 'cluster.json'), 'utf8'))
    for (const secret of stored.keys) expect(stdout).not.toContain(secret)
  })

  it('rotate prints the new key, and what the older one signed holds until retire', async () => {
    await using operator = await Operator.atServer()
    const server = await operator.keys()
    const before = certificateFor(server, 'edge-1')
    const { stdout, stderr } = await operator.run('cluster-key', 'rotate')
    await server.refresh()
    const after = certificateFor(server, 'edge-2')
    expect(stdout).toBe(server.trust.rootIds[0])
    expect(stderr).toContain('`cluster-key retire`')
    expect([verdict(server, before), verdict(server, after)]).toEqual(['member', 'member'])

    expect((await operator.run('cluster-key', 'retire')).stderr).toContain(`Retired: ${server.cluster}.`)
    await server.refresh()
    expect([verdict(server, before), verdict(server, after)]).toEqual(['unknown-signer', 'member'])
  })

  it('rotate and retire come in turns', async () => {
    await using operator = await Operator.atServer()
    expect(await operator.run('cluster-key', 'retire')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('nothing was changed'),
    })
    await operator.run('cluster-key', 'rotate')

    expect(await operator.run('cluster-key', 'rotate')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('retire the older one first'),
    })
  })
})

describe('a command', () => {
  it('makes no cluster where none is kept', async () => {
    await using operator = await Operator.atNothing()
    const { code, stdout, stderr } = await operator.run('token', 'create')

    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toBe(
      `tunnel-server token create: there is no cluster in file ${operator.dataDir}/cluster.json: a tunnel server with this config makes it at its first start`,
    )
  })

  it.each([
    ['broken', { content: 'a piece', mode: 0o600, message: /is broken/ }],
    [
      'readable for all',
      { content: undefined, mode: 0o644, message: /can be read by other users: run chmod 600/ },
    ],
  ])(
    'says what is wrong with keys that are %s, and leaves them alone',
    async (_what, { content, mode, message }) => {
      await using operator = await Operator.atServer()
      const file = join(operator.dataDir, 'cluster.json')
      if (content !== undefined) await writeFile(file, content)
      await chmod(file, mode)
      const before = await readFile(file, 'utf8')
      const { code, stderr } = await operator.run('revoke', '--node', 'edge-1')

      expect(code).toBe(1)
      expect(stderr).toMatch(message)
      expect(await readFile(file, 'utf8')).toBe(before)
    },
  )

  it('says so when the change can not be stored, and has changed nothing', async () => {
    await using operator = await Operator.atServer()
    const file = join(operator.dataDir, 'cluster.json')
    const before = await readFile(file, 'utf8')
    // In the way of what is written first.
    await mkdir(`${file}.new`)
    const { code, stderr } = await operator.run('revoke', '--node', 'edge-1')
    await rmdir(`${file}.new`)

    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^tunnel-server revoke: file .*cluster.json can't be written: .*it is left as it was$/,
    )
    expect(await readFile(file, 'utf8')).toBe(before)
  })

  it('needs a pod where the state is in Secrets', async () => {
    await using operator = await Operator.atServer()
    const config = JSON.parse(await readFile(operator.configFile, 'utf8'))
    await writeFile(operator.configFile, JSON.stringify({ ...config, state: { kind: 'secrets' } }))

    expect(await operator.run('token', 'create')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('this is no pod of a cluster'),
    })
  })

  it('loses nothing of what servers and other commands change at the same time', async () => {
    await using operator = await Operator.atServer()
    const server = await operator.keys()
    const nodes = Array.from({ length: 4 }, (_, index) => `edge-${index}`)
    const token = server.createToken({ uses: 'single', validSeconds: DAY })
    const [spent] = await Promise.all([
      server.spend(token, PEER),
      ...nodes.map((node) => operator.run('revoke', '--node', node)),
    ])
    await server.refresh()

    expect(spent).toBe('spent')
    for (const node of nodes) expect(server.trust.revocation('node', node), node).toBeDefined()
    expect(await (await operator.keys()).spend(token, 'another')).toBe('taken')
  })

  it.each(COMMANDS.map(({ name }) => name))('%s explains itself, in lines that fit', async (name) => {
    await using operator = await Operator.atNothing()
    const { code, stdout } = await operator.runExactly(...name.split(' '), '--help')

    expect(code).toBe(0)
    expect(stdout).toContain(`Usage: tunnel-server ${name} `)
    expect(stdout.split('\n').filter((line) => line.length > 125)).toEqual([])
    expect((await operator.runExactly('--help')).stdout).toContain(`\n  ${name} `)
  })
})
