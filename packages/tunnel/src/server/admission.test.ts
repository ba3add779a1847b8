import type { NodeName } from '@edgeway/core'
import { expect, it } from 'vitest'
import { type Join, MAX_MEMBERS } from '../protocol/registry.ts'
import { type AdmissionState, decideAdmission } from './admission.ts'
import type { Member } from './member-store.ts'

const member = (node: string, peerId: string): Member => ({ node: node as NodeName, peerId, since: '' })

function joinOf(node: string, overrides: Partial<Join> = {}): Join {
  return { type: 'join', version: 1, node: node as NodeName, token: 'right', addresses: [], ...overrides }
}

function stateOf(members: readonly Member[], connected: readonly string[] = []): AdmissionState {
  return {
    secret: 'right',
    memberCount: members.length,
    byNode: (node) => members.find((one) => one.node === node),
    byPeerId: (peerId) => members.find((one) => one.peerId === peerId),
    isConnected: (peerId) => connected.includes(peerId),
  }
}

const edge1 = member('edge-1', 'one')

it('lets a new node in by the token only', () => {
  expect(decideAdmission(joinOf('edge-1'), 'one', stateOf([]))).toEqual({ kind: 'new', replaced: [] })
  expect(decideAdmission(joinOf('edge-1', { token: 'wrong' }), 'one', stateOf([]))).toMatchObject({
    reason: 'wrong-token',
  })
})

it('asks a member for no token', () => {
  expect(decideAdmission(joinOf('edge-1', { token: '' }), 'one', stateOf([edge1]))).toEqual({ kind: 'known' })
})

it('gives a node name to another key only while its holder is away, and only for the token', () => {
  const connected = stateOf([edge1], ['one'])
  expect(decideAdmission(joinOf('edge-1'), 'two', connected)).toMatchObject({ reason: 'node-name-taken' })
  expect(decideAdmission(joinOf('edge-1'), 'two', stateOf([edge1]))).toEqual({
    kind: 'new',
    replaced: [edge1],
  })
  expect(decideAdmission(joinOf('edge-1', { token: 'wrong' }), 'two', stateOf([edge1]))).toMatchObject({
    reason: 'wrong-token',
  })
})

it('lets a key take another name only while it does not speak for its former one', () => {
  expect(decideAdmission(joinOf('edge-9'), 'one', stateOf([edge1], ['one']))).toMatchObject({
    reason: 'key-in-use',
  })
  expect(decideAdmission(joinOf('edge-9'), 'one', stateOf([edge1]))).toEqual({
    kind: 'new',
    replaced: [edge1],
  })
})

it('lets nobody in beside as many members as may be, but a reinstalled node', () => {
  const full = { ...stateOf([edge1]), memberCount: MAX_MEMBERS }
  expect(decideAdmission(joinOf('edge-9'), 'two', full)).toMatchObject({ reason: 'server-full' })
  expect(decideAdmission(joinOf('edge-1'), 'two', full)).toMatchObject({ kind: 'new' })
  expect(decideAdmission(joinOf('edge-1'), 'one', full)).toMatchObject({ kind: 'known' })
})

it('refuses a version that it does not know', () => {
  expect(decideAdmission(joinOf('edge-1', { version: 2 }), 'one', stateOf([edge1]))).toMatchObject({
    reason: 'unsupported-version',
  })
})
