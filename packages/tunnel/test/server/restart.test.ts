import { readFile, rm, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { readMembership } from '../../src/identity/membership.ts'
import { recordKey, versionOf } from '../../src/protocol/record-version.ts'
import { circle, knownBy } from './circle.ts'
import { linesOf, ServerMesh, until } from './server-mesh.ts'
import { TestAgent, type TestSession } from './test-agent.ts'

describe('a restarted tunnel server', () => {
  it('knows all members, and tells nobody of records that are the same as before', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 3)
    const { agents } = members
    const wires = agents.map((agent) => agent.record().wire)
    for (const [index, session] of members.sessions.entries()) {
      session.send({ type: 'records', records: wires.slice(index, index + 1) })
    }
    const last = wires.at(-1)?.record ?? ''
    await until(() => members.sessions[0]?.records.includes(last) === true, 'the last record')
    await members.server.server[Symbol.asyncDispose]()

    const server = await mesh.server('one')
    expect(knownBy(server)).toBe(4)
    const sessions = await Promise.all(agents.map((agent) => agent.join(server)))
    const [first] = sessions as [TestSession]
    const have = await first.first('have')
    for (const [index, session] of sessions.entries()) {
      session.send({ type: 'records', records: wires.slice(index, index + 1) })
    }
    // A change comes behind all that would have been told before it.
    const news = agents[1]?.record().wire
    if (news === undefined) throw new Error('no agent')
    sessions[1]?.send({ type: 'records', records: [news] })
    await until(() => first.records.includes(news.record), 'the change')

    const versions = new Map(have.entries.map(({ key, version }) => [key, version]))
    const { peerId } = agents[0] as TestAgent
    expect(versions.get(recordKey(peerId))).toBe(versionOf({ epoch: 1_000, seq: 1 }))
    const unchanged = [wires[0], wires[2]].map((wire) => wire?.record)
    expect(first.records.filter((record) => unchanged.includes(record))).toEqual([])
  })

  it('keeps the name of a node that was connected before', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    await members.server.server[Symbol.asyncDispose]()
    const server = await mesh.server('one')
    await using rival = await TestAgent.create('edge-1')

    expect(await rival.enrol(server, members.token)).toMatchObject({ reason: 'node-name-taken' })
  })

  it('gives the name of a node that was not seen for long to another key, and revokes the former one', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    const [former] = members.agents as [TestAgent]
    await members.server.server[Symbol.asyncDispose]()
    const path = mesh.file('one', 'registry.json')
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll('"seenAt":0', '"seenAt":1'))
    const server = await mesh.server('one')
    await using reinstalled = await TestAgent.create('edge-1')

    expect((await reinstalled.appear(server, members.token)).has('welcome')).toBe(true)
    expect(linesOf(server, 'a member was replaced')).toMatchObject([
      { fields: { node: 'edge-1', peer: former.peerId, by: reinstalled.peerId } },
    ])
    expect((await former.join(server)).all('refused')).toMatchObject([{ reason: 'revoked' }])
  })

  it('tells a node whose name went to another key while its registry was lost', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    const [former] = members.agents as [TestAgent]
    await members.server.server[Symbol.asyncDispose]()
    await rm(mesh.file('one', 'registry.json'))
    const server = await mesh.server('one')
    await using rival = await TestAgent.create('edge-1')
    // Times are in seconds.
    await until(
      () => Math.floor(Date.now() / 1_000) > readMembership(former.certificate).membership.issuedAt,
      'a second',
    )
    await rival.appear(server, members.token)
    await until(() => knownBy(server) === 2, 'the record of the rival')

    const session = await former.appear(server, '')
    expect(await session.first('notice')).toMatchObject({
      reason: 'record-refused',
      message: expect.stringContaining(rival.peerId),
    })
    expect(linesOf(server, 'refused a record')).toMatchObject([{ fields: { reason: 'superseded' } }])
  })

  it.each([
    ['lost', async (path: string) => rm(path)],
    ['broken', async (path: string) => writeFile(path, '{"version":1,"records":[{}]}')],
  ])('learns all again from its members when its registry is %s', async (_what, spoil) => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 2)
    const { agents } = members
    await members.server.server[Symbol.asyncDispose]()
    await spoil(mesh.file('one', 'registry.json'))

    const server = await mesh.server('one')
    expect(knownBy(server)).toBe(1)
    const sessions = await Promise.all(agents.map((agent) => agent.appear(server, '')))
    await until(() => knownBy(server) === 3, 'both records')
    const [first] = sessions as [TestSession]
    await until(() => first.hasHeardOf(agents[1]?.said), 'the other one')
  })
})
