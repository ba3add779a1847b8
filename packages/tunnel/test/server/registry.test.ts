import { describe, expect, it } from 'vitest'
import { StreamDuplex } from '../../src/host/stream-duplex.ts'
import { readFrame } from '../../src/protocol/frames.ts'
import { recordKey } from '../../src/protocol/record-version.ts'
import { circle } from './circle.ts'
import { linesOf, refusalsOf, ServerMesh, until } from './server-mesh.ts'
import { TestAgent, type TestSession } from './test-agent.ts'

describe('the registry of a tunnel server', () => {
  it('tells who comes what it has, and sends what he wants of it', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    const { server, token, agents } = members
    await using late = await TestAgent.create('edge-9')
    await late.enrol(server, token)
    const session = await late.join(server)
    const have = await session.first('have')
    const keys = have.entries.map(({ key }) => key)
    // What tunnel servers say of themselves is nothing for agents.
    expect(keys).toEqual([recordKey(agents[0]?.peerId ?? '')])

    session.send({ type: 'want', keys })
    const { records } = await session.first('records')
    expect(records).toHaveLength(1)
    expect(session.all('welcome')).toMatchObject([{ observed: '127.0.0.1', agents: 2 }])
  })

  it('pushes a change to all others, and not back to who made it', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 3)
    const [one, two, three] = members.sessions as [TestSession, TestSession, TestSession]
    const record = members.agents[0]?.record({ direct: ['/ip4/203.0.113.7/tcp/20008'] })
    if (record === undefined) throw new Error('no agent')
    one.send({ type: 'records', records: [record.wire] })

    await until(() => two.records.includes(record.wire.record), 'the change')
    await until(() => three.records.includes(record.wire.record), 'the change')
    expect(one.records).not.toContain(record.wire.record)
  })

  it('answers a lookup at once, also with that there is nobody', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 2)
    const [one] = members.sessions as [TestSession]
    one.send({ type: 'lookup', id: 1, node: 'edge-2' as TestAgent['node'] })
    one.send({ type: 'lookup', id: 2, node: 'edge-7' as TestAgent['node'] })
    await until(() => one.all('found').length === 2, 'both answers')

    expect(one.all('found')).toMatchObject([
      { id: 1, record: { certificate: members.agents[1]?.certificate } },
      { id: 2, record: undefined },
    ])
  })

  it('refuses records that were tampered with or are of others, says so, and goes on', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 2)
    const { server, agents, sessions } = members
    const [one] = sessions as [TestSession]
    const [own, other] = [agents[0]?.record().wire, agents[1]?.record({ epoch: 2_000 }).wire]
    if (own === undefined || other === undefined) throw new Error('no agents')
    const changed = `${own.record.slice(0, 20)}${own.record[20] === 'A' ? 'B' : 'A'}${own.record.slice(21)}`
    one.send({
      type: 'records',
      records: [{ ...own, record: changed }, other, { ...own, certificate: 'none' }],
    })
    await until(() => one.all('notice').length === 3, 'three notices')

    const refused = (reason: string): number =>
      server.deps.metrics.value('edgeway_tunnel_server_refused_records_total', { reason })
    expect([refused('bad-record'), refused('not-own')]).toEqual([2, 1])
    expect(linesOf(server, 'refused a record')).toHaveLength(3)
    one.send({ type: 'records', records: [own] })
    await until(() => sessions[1]?.records.includes(own.record) === true, 'the good one')
  })

  it('makes an agent wait that tells more and more of itself, and reads no more of others from it', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 2)
    const [agent, other] = members.agents as [TestAgent, TestAgent]
    const [session] = members.sessions as [TestSession]
    const foreign = other.record({ epoch: 2_000 }).wire
    session.send({ type: 'records', records: Array.from({ length: 1_000 }, () => foreign) })
    await until(() => session.all('notice').length === 5, 'its refusal')

    const since = performance.now()
    for (let count = 0; count < 10; count++) {
      session.send({ type: 'records', records: [agent.record().wire] })
    }
    session.send({ type: 'lookup', id: 1, node: other.node })
    await session.first('found')
    // Ten records are worth 110 messages, 20 a second; no more than half of the first 100 was left.
    expect(performance.now() - since).toBeGreaterThan(2_000)
    expect(session.all('notice')).toHaveLength(5)
  })

  it.each([
    ['no certificate', 'no-certificate', { certificate: '' }],
    ['garbage for a certificate', 'malformed', { certificate: 'garbage' }],
    ['an unknown version', 'unsupported-version', { version: 3 }],
  ])('refuses a session for %s, with the reason', async (_what, reason, hello) => {
    await using mesh = await ServerMesh.create()
    const server = await mesh.server('one')
    await using agent = await TestAgent.create('edge-1')
    const session = await agent.join(server, hello)

    expect(session.all('refused')).toMatchObject([{ reason }])
    await session.ended()
    expect(refusalsOf(server, reason)).toBe(1)
    expect(linesOf(server, 'refused a session')).toMatchObject([{ fields: { reason, peer: agent.peerId } }])
  })

  it('takes no certificate of another key, and none of another cluster', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    const foreign = await mesh.server('foreign')
    await using thief = await TestAgent.create('edge-1')
    const stolen = await thief.join(members.server, { certificate: members.agents[0]?.certificate ?? '' })
    const [honest] = members.agents as [TestAgent]
    const strange = await honest.join(foreign)

    expect(stolen.all('refused')).toMatchObject([{ reason: 'wrong-key' }])
    expect(strange.all('refused')).toMatchObject([{ reason: 'wrong-cluster' }])
  })

  it('closes connections of those who say nothing, and of those who enrol and say nothing more', async () => {
    await using mesh = await ServerMesh.create()
    const server = await mesh.server('one', { admissionGraceMs: 200 })
    await using agent = await TestAgent.create('edge-1')
    const connection = await agent.connect(server)
    await until(() => connection.status !== 'open', 'the end')

    expect(refusalsOf(server, 'not-admitted')).toBe(1)
  })

  it('ends the session of a node that is revoked, tells why, and tells all others of it', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 2)
    const [one, two] = members.sessions as [TestSession, TestSession]
    await (await mesh.keys(members.server)).revoke({ kind: 'node', value: 'edge-1' })

    expect(await one.first('refused')).toMatchObject({ reason: 'revoked' })
    await one.ended()
    await until(() => two.all('bundle').some(({ bundle }) => bundle.length > 0), 'the revocation')
    expect(refusalsOf(members.server, 'revoked')).toBe(1)
    expect(members.server.deps.status.read('tunnel')).toMatchObject({ revocations: 1, membersKnown: 2 })
  })

  it('closes other connections of a node whose session has ended, with the circuits on them', async () => {
    await using mesh = await ServerMesh.create()
    const server = await mesh.server('one', { admissionGraceMs: 500 })
    await using agent = await TestAgent.create('edge-1')
    const session = await agent.appear(server, await mesh.standingToken(server))
    const other = await agent.connect(server)
    // Its grace is over, and it was left alone for the sake of the session.
    const grace = AbortSignal.timeout(1_000)
    await until(() => grace.aborted, 'the end of the grace')
    expect(other.status).toBe('open')
    await (await mesh.keys(server)).revoke({ kind: 'node', value: 'edge-1' })

    await session.ended()
    await until(() => other.status !== 'open', 'the end of the other connection')
  })

  it('keeps the session of a member that opens any number of connections, and few of them', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    const [agent] = members.agents as [TestAgent]
    const [session] = members.sessions as [TestSession]
    for (let count = 0; count < 30; count++) await agent.connect(members.server)

    await until(() => agent.host.node.getConnections().length <= 16, 'the end of the surplus')
    expect(session.isOpen).toBe(true)
  })

  it('tells an agent of the first version that it is too old, in its own form', async () => {
    await using mesh = await ServerMesh.create()
    const server = await mesh.server('one')
    await using agent = await TestAgent.create('edge-1')
    const connection = await agent.connect(server)
    const stream = new StreamDuplex(await connection.newStream('/edgeway/registry/1.0.0'))
    // As agents of 0.1 sent it.
    const join = '{"type":"join","version":1,"node":"edge-1","token":"AAAA","addresses":[]}'
    stream.write(Buffer.concat([Buffer.from([0, 0, 0, join.length]), Buffer.from(join)]))
    const frame = await readFrame(
      stream,
      { prefixBytes: 4, maxBytes: 4_194_304 },
      AbortSignal.timeout(10_000),
    )

    expect(JSON.parse(String(frame))).toEqual({
      type: 'refused',
      reason: 'unsupported-version',
      message: expect.stringMatching(/update the agent/),
    })
    stream.end()
    await until(() => connection.status !== 'open', 'the end')
    expect(refusalsOf(server, 'unsupported-version')).toBe(1)
  })

  it('ends the session of a member that does not read, and goes on with the others', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 2)
    const [slow, other] = members.sessions as [TestSession, TestSession]
    slow.stopReading()
    // Of 2 MB each.
    const revoked = Array.from({ length: 5_000 }, (_, index) => ({
      ...{ kind: 'token' as const, value: `${index}`.padEnd(250, '.'), at: index },
    }))
    for (let count = revoked.length; slow.isOpen && count > 0; count -= 1) {
      await mesh.setRevocations(members.server, revoked.slice(0, count))
    }

    expect(refusalsOf(members.server, 'too-slow')).toBe(1)
    expect(other.isOpen).toBe(true)
  }, 60_000)
})

describe('a key that two processes use', () => {
  it('is refused to the second one while the first one answers, and both are told', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    const [original] = members.agents as [TestAgent]
    const [session] = members.sessions as [TestSession]
    await using clone = await TestAgent.create('edge-1', original.key)
    clone.certificate = original.certificate
    const second = await clone.join(members.server)

    expect(second.all('refused')).toMatchObject([
      { reason: 'key-in-use', message: expect.stringMatching(/copy/) },
    ])
    expect(await session.first('notice')).toMatchObject({ reason: 'key-in-use' })
    expect(session.isOpen).toBe(true)
    expect(refusalsOf(members.server, 'key-in-use')).toBe(1)
    expect(linesOf(members.server, 'a key is in use twice')).toMatchObject([
      { level: 'error', fields: { node: 'edge-1', peer: original.peerId } },
    ])
  })

  it('goes to the second one at once when the first one is gone', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    const [original] = members.agents as [TestAgent]
    await original.host.stop()
    await using restarted = await TestAgent.create('edge-1', original.key)
    restarted.certificate = original.certificate

    expect((await restarted.join(members.server)).has('welcome')).toBe(true)
    expect(linesOf(members.server, 'a key is in use twice')).toEqual([])
  })

  it('may connect anew from the same process', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    const [agent] = members.agents as [TestAgent]
    const [former] = members.sessions as [TestSession]

    expect((await agent.join(members.server)).has('welcome')).toBe(true)
    await former.ended()
    expect(linesOf(members.server, 'a key is in use twice')).toEqual([])
  })

  it('is told of when a process comes that was started before the one that is known', async () => {
    await using mesh = await ServerMesh.create()
    await using members = await circle(mesh, 1)
    const [original] = members.agents as [TestAgent]
    await original.host.stop()
    await using restored = await TestAgent.create('edge-1', original.key)
    restored.certificate = original.certificate
    const session = await restored.join(members.server)
    session.send({ type: 'records', records: [restored.record({ epoch: 500 }).wire] })

    expect(await session.first('notice')).toMatchObject({ reason: 'key-in-use' })
  })
})
