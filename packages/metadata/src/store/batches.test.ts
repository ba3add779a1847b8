import { describe, expect, it } from 'vitest'
import { batchesOf } from './batches.ts'

const LISTED = [{ kind: 'services', revision: 7 }]
const row = (key: string, value: string) => ({ kind: 'services', key, uid: 'u1', revision: 1, value })

describe('batchesOf', () => {
  it('parts what is stored from what is forgotten', () => {
    const gone = { kind: 'services', key: 'b' }
    expect(batchesOf([row('a', '{}'), gone], LISTED)).toEqual([
      { put: [row('a', '{}')], deleted: [gone], listed: LISTED },
    ])
  })

  it('cuts long values into batches, of which the last one notes the complete list', () => {
    const rows = [row('a', 'xxxx'), row('b', 'xxxx'), row('c', 'xxxx'), row('d', 'x'.repeat(30))]
    const batches = batchesOf(rows, LISTED, 12)
    expect(batches.map(({ put }) => put.map(({ key }) => key).join(''))).toEqual(['ab', 'c', 'd'])
    expect(batches.map(({ listed }) => listed)).toEqual([[], [], LISTED])
  })

  it('notes a complete list that is empty', () => {
    expect(batchesOf([], LISTED)).toEqual([{ put: [], deleted: [], listed: LISTED }])
  })
})
