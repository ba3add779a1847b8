import type { IpFamily } from '@edgeway/core'
import type { RuleBackend } from '../../src/backend/rule-backend.ts'
import type { NodeLab } from '../node-lab.ts'

/** A backend to be tried, and the node that it changes. */
export interface RuleBackendUnderTest {
  /** Its node has no rules of anybody. */
  readonly lab: NodeLab
  /** A new object, as a process that just started makes it; its exempt group is `EXEMPT_GROUP_ID`. */
  create(): RuleBackend
}

/** The ways in which kube-proxy has brought its rules into the kernel. */
export const KUBE_PROXY_SHAPES = ['nftables', 'iptables-nft', 'iptables-legacy'] as const

export type KubeProxyShape = (typeof KUBE_PROXY_SHAPES)[number]

/** Where backends may differ. */
export interface RuleBackendTraits {
  /** What strangers do to the rules of this backend: words for the title, and shell commands. */
  readonly strangers: readonly { readonly what: string; readonly command: string }[]
  /** Rules of these shapes that come later win, until `verify` tells of the drift and `apply` repairs it. */
  readonly repairedAfter?: readonly KubeProxyShape[]
  /** Rules of these shapes are not asked to give way. */
  readonly noMatchFor?: readonly KubeProxyShape[]
  /** Here a client-ip rule computes the endpoint from the client's address: others that come may move clients. */
  readonly affinityByHash?: readonly IpFamily[]
}

/** A sentence, and what shows that it is true. */
export type Case = readonly [title: string, run: (under: RuleBackendUnderTest) => Promise<void>]
