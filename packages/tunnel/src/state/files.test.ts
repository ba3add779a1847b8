import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeName } from '@edgeway/core'
import { afterAll, describe, expect, it } from 'vitest'
import {
  formatJoinToken,
  loadOrCreateJoinToken,
  parseJoinToken,
  readJoinTokens,
} from '../identity/former-join-token.ts'
import { loadOrCreateKey } from '../identity/key.ts'
import { MAX_MEMBERS } from '../protocol/registry.ts'
import { MemberStore } from '../server/member-store.ts'
import { PrivateFile } from './private-file.ts'

const PEER = '12D3KooWRw48BNE3xLFTAZ64JHV2Pm6dAt32PYadh6zriuC14Lxb'
const OTHER_PEER = '12D3KooWMGTfJeMpJB6r86jHXYemsGw9QKHocBEqdxCjDgNmKndx'

async function newPath(name: string): Promise<string> {
  return join(await newDirectory(), 'made-when-missing', name)
}

const directories: string[] = []

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'edgeway-tunnel-'))
  directories.push(directory)
  return directory
}

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true })
})

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

describe('the key file', () => {
  it('is made at the first start, for its owner only, and is the same at the next', async () => {
    const path = await newPath('key')
    const key = await loadOrCreateKey(new PrivateFile(path))

    expect(await modeOf(path)).toBe(0o600)
    expect((await loadOrCreateKey(new PrivateFile(path))).equals(key)).toBe(true)
  })

  it('is refused when other users can read it', async () => {
    const path = await newPath('key')
    await loadOrCreateKey(new PrivateFile(path))
    await chmod(path, 0o644)

    await expect(loadOrCreateKey(new PrivateFile(path))).rejects.toThrow(
      /can be read by other users: run chmod 600/,
    )
  })

  it('is never replaced when it is broken', async () => {
    const path = await newPath('key')
    await loadOrCreateKey(new PrivateFile(path))
    await writeFile(path, 'broken')

    await expect(loadOrCreateKey(new PrivateFile(path))).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
    expect(await readFile(path, 'utf8')).toBe('broken')
  })

  it('is refused when a bit of either half has changed', async () => {
    const path = await newPath('key')
    const stored = new PrivateFile(path)
    await loadOrCreateKey(stored)
    const bytes = await readFile(path)
    // Behind 4 bytes of protobuf: both halves of the key.
    for (let index = 4; index < bytes.length; index++) {
      await writeFile(path, bytes.with(index, (bytes[index] ?? 0) ^ 1))
      await expect(loadOrCreateKey(stored), `byte ${index}`).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
    }
  })
})

describe('the join token', () => {
  it('is made by the server at its first start, and is the same at the next', async () => {
    const path = await newPath('join-token')
    const token = await loadOrCreateJoinToken(new PrivateFile(path), PEER)

    expect(await modeOf(path)).toBe(0o600)
    expect(token).toMatchObject({ serverPeerId: PEER, secret: expect.stringMatching(/^[\w-]{43}$/) })
    expect(await loadOrCreateJoinToken(new PrivateFile(path), PEER)).toEqual(token)
    expect(await readJoinTokens(path)).toEqual([token])
    expect(parseJoinToken(formatJoinToken(token))).toEqual(token)
  })

  it('is refused by the server when other users can read it', async () => {
    const path = await newPath('join-token')
    await loadOrCreateJoinToken(new PrivateFile(path), PEER)
    await chmod(path, 0o644)

    await expect(loadOrCreateJoinToken(new PrivateFile(path), PEER)).rejects.toThrow(
      /can be read by other users: run chmod 600/,
    )
  })

  it('of another server key is refused by the server', async () => {
    const path = await newPath('join-token')
    await loadOrCreateJoinToken(new PrivateFile(path), OTHER_PEER)

    await expect(loadOrCreateJoinToken(new PrivateFile(path), PEER)).rejects.toThrow(
      /belongs to another server key/,
    )
  })

  it.each([
    ['missing', undefined, /is missing: copy it from the tunnel server/],
    ['empty', '# nothing\n\n', /is empty/],
    ['malformed', `edgeway1.${PEER}.short-secret`, /is malformed: expected one line edgeway1\.<PeerId/],
    ['without a PeerId', `edgeway1.${'1'.repeat(52)}.${'A'.repeat(43)}`, /is malformed/],
  ])('that is %s says what is expected, without the secret', async (_what, content, message) => {
    const path = join(await newDirectory(), 'join-token')
    if (content !== undefined) await writeFile(path, content)

    const error = await readJoinTokens(path).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_JOIN_TOKEN', message: expect.stringMatching(message) })
    expect(String(error)).not.toContain('short-secret')
  })
})

describe('the members file', () => {
  const member = (node: string, peerId: string) => ({
    node: node as NodeName,
    peerId,
    since: '2026-01-01T00:00:00Z',
  })
  const edge1 = member('edge-1', PEER)

  it('keeps the members over a restart, for its owner only', async () => {
    const path = await newPath('members.json')
    const store = await MemberStore.load(new PrivateFile(path))
    store.add(member('edge-1', PEER))
    await Promise.all([store.save(), store.save()])
    store.add(member('edge-2', OTHER_PEER))
    await store.save()

    expect(await modeOf(path)).toBe(0o600)
    expect([...(await MemberStore.load(new PrivateFile(path))).all()]).toEqual([
      member('edge-1', PEER),
      member('edge-2', OTHER_PEER),
    ])
  })

  it('knows one key per node name and one name per key', async () => {
    const store = await MemberStore.load(new PrivateFile(await newPath('members.json')))
    store.add(member('edge-1', PEER))
    store.add(member('edge-1', OTHER_PEER))
    expect(store.byPeerId(PEER)).toBeUndefined()

    store.add(member('edge-2', OTHER_PEER))
    expect([...store.all()]).toEqual([member('edge-2', OTHER_PEER)])
  })

  it.each([
    ['nothing', ''],
    ['half an object', '{'],
    ['another kind of JSON', '[]'],
    ['another version', '{"version":2,"members":[]}'],
    ['a member without a key', '{"version":1,"members":[{"node":"a"}]}'],
    // Sent to the agents, one such member would keep all of them from joining.
    ['a name of no node', JSON.stringify({ version: 1, members: [member('Edge 1', PEER)] })],
    ['a key that is none', JSON.stringify({ version: 1, members: [member('edge-1', 'key')] })],
    ['too many members', JSON.stringify({ version: 1, members: Array(MAX_MEMBERS + 1).fill(edge1) })],
  ])('is never emptied when it is broken: %s', async (_what, content) => {
    const path = join(await newDirectory(), 'members.json')
    await writeFile(path, content)

    await expect(MemberStore.load(new PrivateFile(path))).rejects.toThrow(
      /is broken: restore it from a backup, or delete it/,
    )
    expect(await readFile(path, 'utf8')).toBe(content)
  })
})
