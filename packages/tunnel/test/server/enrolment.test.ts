import type { Connection } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { parseHostPort } from '../../src/addresses.ts'
import { ENROLMENT_PROTOCOL, encodeEnrolmentRequest } from '../../src/protocol/enrolment.ts'
import { knownBy } from './circle.ts'
import { linesOf, refusalsOf, ServerMesh, until } from './server-mesh.ts'
import { TestAgent } from './test-agent.ts'

describe('enrolment', () => {
  it('makes whoever has the standing token a member, and proves who the server is before', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    await using agent = await TestAgent.create('edge-1')
    const answer = await agent.enrol(one, await mesh.standingToken(one))
    const { trust } = await mesh.keys(one)

    expect(answer).toMatchObject({ type: 'enrolled', bundle: trust.bundle })
    expect(trust.judge(agent.certificate, { peerId: agent.peerId, role: 'agent' })).toMatchObject({
      kind: 'member',
      membership: { node: 'edge-1' },
    })
    expect((await agent.join(one)).has('welcome')).toBe(true)
  })

  it.each([
    ['wrong-token', 'edgeway2.nonsense', {}],
    ['wrong-token', 'edgeway1.abc', {}],
    ['token-for-another-node', undefined, { node: 'edge-2' }],
    ['token-expired', undefined, { validSeconds: -601 }],
  ])('says %s on the wire, in the log and in a metric', async (reason, text, request) => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const token = text ?? (await mesh.token(one, { uses: 'multi', ...(request as object) }))
    await using agent = await TestAgent.create('edge-1')

    expect(await agent.enrol(one, token)).toMatchObject({ type: 'refused', reason })
    expect(linesOf(one, 'refused to let a node in')).toMatchObject([
      { level: 'warn', fields: { reason, peer: agent.peerId } },
    ])
    expect(refusalsOf(one, reason)).toBe(1)
  })

  it('takes no token of another cluster, and none that was revoked', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const foreign = await mesh.server('foreign')
    await using agent = await TestAgent.create('edge-1')
    expect(await agent.enrol(one, await mesh.standingToken(foreign))).toMatchObject({
      reason: 'wrong-cluster',
    })

    const keys = await mesh.keys(one)
    const token = keys.createToken({ uses: 'multi' })
    await keys.revoke({ kind: 'token', value: token.id })
    await expect
      .poll(() => agent.enrol(one, token.text), { timeout: 10_000 })
      .toMatchObject({
        reason: 'token-revoked',
      })
  })

  it('lets one key in by a token for a single use, that one again and again', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const token = await mesh.token(one, { uses: 'single', validSeconds: 3_600 })
    await using first = await TestAgent.create('edge-1')
    await using second = await TestAgent.create('edge-2')

    expect(await first.enrol(one, token)).toMatchObject({ type: 'enrolled' })
    expect(await second.enrol(one, token)).toMatchObject({ type: 'refused', reason: 'token-spent' })
    expect(await first.enrol(one, token)).toMatchObject({ type: 'enrolled' })
  })

  it('gives a name to one of two keys that want it at once', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const token = await mesh.standingToken(one)
    await using first = await TestAgent.create('edge-1')
    await using second = await TestAgent.create('edge-1')
    const answers = await Promise.all([first.enrol(one, token), second.enrol(one, token)])

    expect(answers.map((answer) => answer?.type).toSorted()).toEqual(['enrolled', 'refused'])
    expect(answers.find((answer) => answer?.type === 'refused')).toMatchObject({ reason: 'node-name-taken' })
  })

  it('renews a certificate for its own key, and for no other', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    await using agent = await TestAgent.create('edge-1')
    await using thief = await TestAgent.create('edge-1')
    await agent.enrol(one, await mesh.standingToken(one))
    const { certificate } = agent

    expect(await thief.ask(one, { type: 'renew', certificate })).toMatchObject({ reason: 'bad-request' })
    expect(await agent.ask(one, { type: 'renew', certificate })).toMatchObject({ type: 'enrolled' })
    const { trust } = await mesh.keys(one)
    expect(trust.judge(agent.certificate, { peerId: agent.peerId })).toMatchObject({
      membership: { node: 'edge-1' },
    })
  })

  it('renews nothing for a node that was revoked, and lets it in by a token that was made for it later', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    await using agent = await TestAgent.create('edge-1')
    const standing = await mesh.standingToken(one)
    await agent.enrol(one, standing)
    const { certificate } = agent
    const keys = await mesh.keys(one)
    await keys.revoke({ kind: 'node', value: 'edge-1' })
    await expect
      .poll(() => agent.ask(one, { type: 'renew', certificate }), { timeout: 10_000 })
      .toMatchObject({ reason: 'revoked' })
    expect(await agent.enrol(one, standing)).toMatchObject({ reason: 'revoked' })

    // Times are in seconds: one of the next tokens is later than the revocation.
    const node = agent.node
    const enrol = () => agent.enrol(one, keys.createToken({ uses: 'multi', node }).text)
    await expect.poll(enrol, { timeout: 10_000 }).toMatchObject({ type: 'enrolled' })
    expect(await agent.ask(one, { type: 'renew', certificate: agent.certificate })).toMatchObject({
      type: 'enrolled',
    })
    expect((await agent.join(one)).has('welcome')).toBe(true)
  })

  it('gives a node that is being revoked no way past that by a renewal or another token elsewhere', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    const unaware = await mesh.sibling('two', one)
    await using agent = await TestAgent.create('edge-1')
    const standing = await mesh.standingToken(one)
    await agent.enrol(one, standing)
    const keys = await mesh.keys(one)
    const before = keys.trust.clock.now()
    await keys.revoke({ kind: 'node', value: 'edge-1', at: before - 60 })
    const refused = { kind: 'refused', reason: 'revoked' }

    expect(await agent.ask(unaware, { type: 'renew', certificate: agent.certificate })).toMatchObject({
      type: 'enrolled',
    })
    expect(keys.trust.judge(agent.certificate, agent)).toMatchObject(refused)
    expect(await agent.enrol(unaware, standing)).toMatchObject({ type: 'enrolled' })
    expect(keys.trust.judge(agent.certificate, agent)).toMatchObject(refused)
  })

  it.each([
    ['a version that it does not know', 'unsupported-version', { type: 'hello', version: 9 }],
    ['hello twice', 'bad-request', { type: 'hello', version: 2 }],
  ] as const)('refuses %s', async (_what, reason, request) => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    await using agent = await TestAgent.create('edge-1')

    expect(await agent.ask(one, request, request.version)).toMatchObject({ type: 'refused', reason })
  })

  it('renews certificates of members while strangers take all the places of those who enrol', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one', { admissionGraceMs: 60_000 })
    const token = await mesh.standingToken(one)
    await using agent = await TestAgent.create('edge-1')
    await agent.appear(one, token)
    await until(() => knownBy(one) === 2, 'its record')
    await using strangers = new AsyncDisposableStack()
    for (let stranger = 0; stranger < 9; stranger++) {
      const { host } = strangers.use(await TestAgent.create('edge-2'))
      for (let count = 0; count < 15; count++)
        await openTwo(await host.dial(parseHostPort(one.address), never))
    }

    await using late = await TestAgent.create('edge-3')
    expect(await late.enrol(one, token)).toMatchObject({ reason: 'busy' })
    const renewed = await agent.ask(one, { type: 'renew', certificate: agent.certificate })
    expect(renewed).toMatchObject({ type: 'enrolled' })
  }, 30_000)

  it('counts a node that does not believe the server', async () => {
    await using mesh = await ServerMesh.create()
    const one = await mesh.server('one')
    await using agent = await TestAgent.create('edge-1')

    const asked = agent.ask(one, { type: 'untrusted', message: 'of another cluster' })
    await expect(asked).rejects.toThrow(/reset/)
    expect(refusalsOf(one, 'untrusted')).toBe(1)
    expect(
      linesOf(one, 'a node does not trust this server: is its join token of another cluster?'),
    ).toHaveLength(1)
  })
})

const never = new AbortController().signal

/** Two enrolments that begin, and go no further. */
async function openTwo(connection: Connection): Promise<void> {
  for (let count = 0; count < 2; count++) {
    const stream = await connection.newStream(ENROLMENT_PROTOCOL)
    stream.send(encodeEnrolmentRequest({ type: 'hello', version: 2 }))
  }
}
