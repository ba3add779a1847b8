import { describe, expect, it } from 'vitest'
import { type NatFiltering, type NatMapping, type NatType, natTypeOf, punchRole } from './nat-type.ts'

const nat = (mapping: NatMapping, filtering: NatFiltering): NatType => ({ mapping, filtering })

describe('the role in a punch', () => {
  it.each([
    [nat('endpoint-independent', 'drop'), nat('endpoint-independent', 'reject'), 'simultaneous'],
    [nat('none', 'drop'), nat('endpoint-independent', 'open'), 'dial'],
    [nat('endpoint-independent', 'open'), nat('endpoint-independent', 'reject'), 'listen'],
    [nat('none', 'open'), nat('endpoint-independent', 'open'), 'simultaneous'],
    [nat('unknown', 'unknown'), nat('endpoint-independent', 'drop'), 'simultaneous'],
    [nat('symmetric', 'drop'), nat('endpoint-independent', 'open'), 'dial'],
    [nat('endpoint-independent', 'open'), nat('symmetric', 'reject'), 'listen'],
    [nat('symmetric', 'drop'), nat('endpoint-independent', 'drop'), undefined],
    [nat('endpoint-independent', 'reject'), nat('symmetric', 'open'), undefined],
    [nat('symmetric', 'open'), nat('symmetric', 'open'), undefined],
  ])('of %j towards %j is %s', (own, peer, role) => {
    expect(punchRole(own, peer)).toBe(role)
  })
})

it('a kind of NAT of a newer version is read as unknown', () => {
  expect(natTypeOf({ mapping: 'psychic', filtering: 'drop' })).toEqual(nat('unknown', 'drop'))
  expect(() => natTypeOf('symmetric')).toThrow(/field nat/)
})
