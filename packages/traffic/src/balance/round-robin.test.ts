import { describe, expect, it } from 'vitest'
import { RoundRobin } from './round-robin.ts'

describe('RoundRobin', () => {
  it('starts one further each time and goes round', () => {
    const balancer = new RoundRobin()

    expect([1, 2, 3, 4].map(() => balancer.order(['a', 'b', 'c']).join(''))).toEqual([
      'abc',
      'bca',
      'cab',
      'abc',
    ])
  })

  it('gives nothing for nothing', () => {
    expect(new RoundRobin().order([])).toEqual([])
  })

  it('goes on when items come and go', () => {
    const balancer = new RoundRobin()
    balancer.order(['a', 'b', 'c'])
    balancer.order(['a', 'b', 'c'])

    expect(balancer.order(['a', 'b'])).toEqual(['a', 'b'])
    expect(balancer.order(['a', 'b', 'c'])).toEqual(['b', 'c', 'a'])
  })
})
