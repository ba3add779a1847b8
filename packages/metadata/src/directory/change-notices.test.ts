import { expect, it } from 'vitest'
import { ChangeNotices } from './change-notices.ts'

it('tells of each change once after a batch, however deep', () => {
  const notices = new ChangeNotices<string>()
  const told: string[] = []
  notices.watch((name) => void told.push(name))
  notices.batch(() => {
    notices.tell(['a', 'b'])
    notices.batch(() => notices.tell(['a']))
    expect(told).toEqual([])
  })
  expect(told).toEqual(['a', 'b'])
})

it('tells at once outside of a batch, and again after one that failed', () => {
  const notices = new ChangeNotices<string>()
  const told: string[] = []
  notices.watch((name) => void told.push(name))
  const defect = new Error('a defect')
  expect(() =>
    notices.batch(() => {
      notices.tell(['a'])
      throw defect
    }),
  ).toThrow(defect)
  notices.tell(['b'])
  expect(told).toEqual(['a', 'b'])
})
