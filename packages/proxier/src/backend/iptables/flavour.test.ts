import { describe, expect, it } from 'vitest'
import { detectFlavour } from './flavour.ts'

describe('detectFlavour', () => {
  const rules = (count: number): string => `*nat\n${'-A OUTPUT -j ACCEPT\n'.repeat(count)}COMMIT\n`

  it.each(['KUBE-IPTABLES-HINT', 'KUBE-KUBELET-CANARY'])(
    'follows the chain %s, however few rules there are',
    (chain) => {
      const hinted = `*mangle\n:${chain} - [0:0]\nCOMMIT\n`
      expect(detectFlavour({ nft: rules(5), legacy: hinted })).toBe('legacy')
      expect(detectFlavour({ nft: hinted, legacy: rules(5) })).toBe('nft')
    },
  )

  it('follows the greater number of rules without a hint', () => {
    expect(detectFlavour({ nft: rules(1), legacy: rules(2) })).toBe('legacy')
    expect(detectFlavour({ nft: rules(2), legacy: rules(1) })).toBe('nft')
  })

  it('takes nft when there is nothing to follow', () => {
    expect(detectFlavour({ nft: undefined, legacy: undefined })).toBe('nft')
    expect(detectFlavour({ nft: rules(1), legacy: rules(1) })).toBe('nft')
  })

  it('takes no rule that only names the chain for a hint', () => {
    const naming = '*mangle\n-A PREROUTING -j KUBE-IPTABLES-HINT\nCOMMIT\n'
    expect(detectFlavour({ nft: rules(2), legacy: naming })).toBe('nft')
  })
})
