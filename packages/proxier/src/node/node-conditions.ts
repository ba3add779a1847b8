import { isDeepStrictEqual } from 'node:util'
import { IP_FAMILIES, type IpFamily, type Logger } from '@edgeway/core'
import type { Capabilities } from '../backend/rule-backend.ts'
import type { RunCommand } from '../command/run-command.ts'
import type { DesiredRulesLimits } from '../model/desired-rules.ts'
import { BridgeNetfilter, type BridgeNetfilterState } from './bridge-netfilter.ts'
import { findKubeProxy, type KubeProxyFinding } from './kube-proxy.ts'

export interface NodeConditionsOptions {
  /** `auto`: the kernel carries connections where it can; `off`: the agent forwards all of them. */
  readonly kernelPath: 'auto' | 'off'
  /** Whether node ports are served; `auto`: unless a kube-proxy does so on this node. */
  readonly nodePorts: 'auto' | 'on' | 'off'
}

export interface NodeConditionsDeps {
  readonly run: RunCommand
  readonly logger: Logger
  readonly capabilities: Capabilities
  /** Name of our own bridge, which never has ports. */
  readonly deviceName: string
  /** Where `proc` and `sys` are; `/` unless given. */
  readonly root?: string
}

/** What was found on the node. */
interface Findings {
  readonly bridgeNetfilter: Readonly<Record<IpFamily, BridgeNetfilterState>>
  /** Not looked for where the options decide. */
  readonly kubeProxy: KubeProxyFinding | undefined
}

const NO_KERNEL: DesiredRulesLimits['maxSlots'] = { random: 0, 'client-ip': 0, 'source-ip-hash': 0 }

const LOOKS_PER_KUBE_PROXY = 15

/** What this node allows to rules, by its kernel's settings and by who else is on it; may change at any time. */
export class NodeConditions {
  readonly #options: NodeConditionsOptions
  readonly #deps: NodeConditionsDeps
  readonly #bridgeNetfilter: BridgeNetfilter
  #findings: Findings
  #looks = 0

  private constructor(
    options: NodeConditionsOptions,
    deps: NodeConditionsDeps,
    bridgeNetfilter: BridgeNetfilter,
  ) {
    this.#options = options
    this.#deps = deps
    this.#bridgeNetfilter = bridgeNetfilter
    const notNeeded = { state: 'not needed' } as const
    this.#findings = { bridgeNetfilter: { IPv4: notNeeded, IPv6: notNeeded }, kubeProxy: undefined }
  }

  /** Looks at the node, and switches on what is off and can be. */
  static async read(options: NodeConditionsOptions, deps: NodeConditionsDeps): Promise<NodeConditions> {
    const bridgeNetfilter = new BridgeNetfilter({ ...deps, nodeDevice: deps.deviceName })
    const conditions = new NodeConditions(options, deps, bridgeNetfilter)
    await conditions.refresh()
    return conditions
  }

  /** Looks again, and tells of what is new. @returns whether the limits are others than before */
  async refresh(): Promise<boolean> {
    const before = this.#findings
    const limits = this.limits()
    const [IPv4, IPv6, kubeProxy] = await Promise.all([
      this.#bridgeNetfilter.ensure('IPv4'),
      this.#bridgeNetfilter.ensure('IPv6'),
      this.#kubeProxy(),
    ])
    this.#findings = { bridgeNetfilter: { IPv4, IPv6 }, kubeProxy }
    this.#tell(before)
    return !isDeepStrictEqual(this.limits(), limits)
  }

  /** To look for one takes commands that list much, and who has come is there to stay: not at each look. */
  async #kubeProxy(): Promise<KubeProxyFinding | undefined> {
    if (this.#options.nodePorts !== 'auto') return undefined
    const isDue = this.#looks++ % LOOKS_PER_KUBE_PROXY === 0
    return isDue ? findKubeProxy(this.#deps) : this.#findings.kubeProxy
  }

  limits(): DesiredRulesLimits {
    const { maxSlots, maxKernelRules } = this.#deps.capabilities
    const { bridgeNetfilter } = this.#findings
    return {
      nodePorts: this.#servesNodePorts(),
      maxSlots: this.#options.kernelPath === 'off' ? NO_KERNEL : maxSlots,
      maxKernelRules,
      masqueradeLocal: new Set(IP_FAMILIES.filter((family) => bridgeNetfilter[family].state === 'off')),
    }
  }

  /** For operators. */
  status(): unknown {
    return { ...this.#findings, servesNodePorts: this.#servesNodePorts() }
  }

  #servesNodePorts(): boolean {
    const { nodePorts } = this.#options
    return nodePorts === 'auto' ? this.#findings.kubeProxy?.found !== true : nodePorts === 'on'
  }

  #tell(before: Findings): void {
    const { logger } = this.#deps
    const { bridgeNetfilter, kubeProxy } = this.#findings
    for (const family of IP_FAMILIES) {
      const now = bridgeNetfilter[family]
      if (now.state === before.bridgeNetfilter[family].state) continue
      if (now.state === 'off')
        logger.warn('pods see the node as the client of calls within a bridge', {
          family,
          reason: now.reason,
        })
      if (now.state === 'set') logger.info('netfilter was switched on for bridges', { family })
    }
    if (kubeProxy !== undefined && kubeProxy.found !== before.kubeProxy?.found)
      logger.info('who serves node ports', { edgeway: !kubeProxy.found, evidence: kubeProxy.evidence })
  }
}
