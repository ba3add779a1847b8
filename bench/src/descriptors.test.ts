import { describe, expect, it } from 'vitest'
import { parseDescriptorLimit } from './descriptors.ts'

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             96000                96000                processes
Max open files            1024                 20000                files
`
const ALL = 'CapInh:\t0000000000000000\nCapEff:\t000001ffffffffff\n'
const NO_SYS_RESOURCE = 'CapInh:\t0000000000000000\nCapEff:\t000001fffeffffff\n'

describe('the limit of descriptors', () => {
  it('is the hard one for who may not raise it', () => {
    const limit = parseDescriptorLimit({ limits: LIMITS, status: NO_SYS_RESOURCE, nrOpen: '1048576\n' })
    expect(limit).toEqual({ most: 20_000, canRaise: false })
  })

  it("is the kernel's for who may raise it", () => {
    const limit = parseDescriptorLimit({ limits: LIMITS, status: ALL, nrOpen: '1048576\n' })
    expect(limit).toEqual({ most: 1_048_576, canRaise: true })
  })

  it("is the kernel's where there is no other", () => {
    const limits = LIMITS.replace('20000', 'unlimited')
    const limit = parseDescriptorLimit({ limits, status: NO_SYS_RESOURCE, nrOpen: '1048576\n' })
    expect(limit).toEqual({ most: 1_048_576, canRaise: false })
  })
})
