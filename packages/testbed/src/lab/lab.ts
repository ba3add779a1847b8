import { type EmulatedWan, startWan } from '../wan/emulated-wan.ts'
import { hasNetem } from '../wan/netem.ts'
import type { WanSpec } from '../wan/wan-spec.ts'
import { buildHosts } from './build.ts'
import { sweepOrphans } from './clean.ts'
import { LabError } from './errors.ts'
import { type Flapping, flapLink } from './flapping-link.ts'
import type { HostPlan } from './host-plan.ts'
import {
  changeAddress,
  type LinkState,
  limitRate,
  type PacketLoss,
  type RateLimit,
  removeRateLimit,
  setLink,
  setLoss,
} from './impairments.ts'
import { LabClaim } from './lab-claim.ts'
import { LabHost, LabPod } from './lab-host.ts'
import { uniqueLabId } from './lab-id.ts'
import { LabPlan, routerName } from './lab-plan.ts'
import { NetworkNamespace } from './namespace.ts'
import { killProcessesIn } from './namespace-processes.ts'
import type { NatKind } from './nat-kinds.ts'
import { mustRun } from './run-command.ts'
import type { PodSpec, Topology } from './topology.ts'
import { addUplink, type SecondUplink, type SecondUplinkSpec, setCarrier } from './uplinks.ts'

/**
 * A network of namespaces on this machine: a public segment, sites behind routers, nodes and pods. Nothing of it is
 * left once it is disposed or its process ended, unless it is kept. Needs root, see `missingLabRequirements`.
 */
export class Lab implements AsyncDisposable {
  readonly id: string
  /** Where the output of the lab's processes goes; free for files of the caller, removed with the lab. */
  readonly logFolder: string
  readonly #plan: LabPlan
  readonly #claim: LabClaim
  readonly #hosts = new Map<string, LabHost>()
  #kept = false
  #isNetem: Promise<boolean> | undefined

  private constructor(id: string, plan: LabPlan, claim: LabClaim) {
    this.id = id
    this.logFolder = claim.logFolder
    this.#plan = plan
    this.#claim = claim
    for (const host of plan.hosts) this.#admit(host)
  }

  /**
   * Builds the topology, after removing what killed runs left on this machine.
   *
   * @throws {LabError} when names or addresses clash, or the kernel refuses; nothing is left then
   */
  static async create(topology: Topology): Promise<Lab> {
    sweepOrphans()
    const id = uniqueLabId()
    const plan = new LabPlan(id, topology)
    const claim = LabClaim.make(
      id,
      plan.hosts.map(({ namespace }) => namespace),
    )
    try {
      await buildHosts(id, plan.hosts)
    } catch (error) {
      claim.release()
      throw error
    }
    return new Lab(id, plan, claim)
  }

  /** @throws {LabError} when there is no such node */
  node(name: string): LabHost {
    return this.#host(name, 'node')
  }

  /** @throws {LabError} when there is no such site */
  router(site: string): LabHost {
    return this.#host(routerName(site), 'router')
  }

  /** @throws {LabError} when there is no such pod, or not any more */
  pod(name: string): LabPod {
    const host = this.#host(name, 'pod')
    if (host instanceof LabPod) return host
    throw new LabError(`"${name}" is no pod`)
  }

  /** All nodes, routers and pods there are now. */
  get hosts(): readonly LabHost[] {
    return [...this.#hosts.values()].filter(({ plan }) => plan.kind !== 'segment')
  }

  /** @throws {LabError} when the node is unknown, or name or address are taken or do not fit */
  async addPod(node: string, spec: PodSpec): Promise<LabPod> {
    const plan = this.#plan.addPod(node, spec)
    this.#claim.add(plan.namespace)
    try {
      await buildHosts(this.id, [plan])
    } catch (error) {
      this.#forget(plan)
      throw error
    }
    this.#admit(plan)
    return this.pod(spec.name)
  }

  /** Cuts (silently: no carrier is lost) or restores the link between a host and the bridge it is connected to. */
  async setLink(host: LabHost, state: LinkState): Promise<void> {
    await setLink(host.plan, state)
  }

  /**
   * Takes the carrier of a host's link away, or gives it back: its address and routes go, too. The host sees it; unlike
   * `setLink`, which fails silently.
   */
  async setCarrier(host: LabHost, state: LinkState): Promise<void> {
    await setCarrier(host.plan, state)
  }

  /**
   * Connects a node to a second site, with a default route that counts less than its first.
   *
   * @throws {LabError} when node or site are unknown, or the address does not fit there
   */
  async addUplink(nodeName: string, site: string, spec: SecondUplinkSpec): Promise<SecondUplink> {
    return await addUplink(this.node(nodeName), this.router(site), spec)
  }

  /** Limits what a host sends and what it receives. */
  async limitRate(host: LabHost, limit: RateLimit): Promise<void> {
    await limitRate(host.plan, limit)
  }

  async removeRateLimit(host: LabHost): Promise<void> {
    await removeRateLimit(host.plan)
  }

  /** Loses packets of a host by chance, from now on; `{}` loses none. */
  async setLoss(host: LabHost, loss: PacketLoss): Promise<void> {
    await setLoss(host.plan, loss)
  }

  /**
   * Makes a host's link a wide-area one, on top of all other impairments: by netem, or by a process of the lab where
   * the kernel has none.
   *
   * @throws {LabError} when the link is one already, the kernel refuses, or the specification can't be
   */
  async emulateWan(host: LabHost, spec: WanSpec): Promise<EmulatedWan> {
    const { uplink } = host.plan
    const place = [...this.#hosts.values()].find(
      ({ namespace }) => namespace.name === uplink?.bridgeNamespace,
    )
    if (uplink === undefined || place === undefined) throw new LabError(`${host.name} has no link`)
    this.#isNetem ??= hasNetem()
    const isNetem = await this.#isNetem
    return startWan({ uplink, namespace: place.namespace }, spec, { isNetem })
  }

  /** Cuts and restores a host's link by the clock, until disposed, which leaves it up. */
  flapLink(host: LabHost, flapping: Flapping): AsyncDisposable {
    return flapLink(host.plan, flapping)
  }

  /**
   * Gives a node another address, as a DHCP server does: the old one is gone at once, routes stay.
   *
   * @throws {LabError} when the node is unknown, or the address is taken or not of its subnet
   */
  async changeAddress(nodeName: string, address: string): Promise<void> {
    const node = this.node(nodeName)
    const before = node.plan
    const after = this.#plan.changeAddress(before, address)
    await changeAddress(before, after)
    node.replan(after)
  }

  /** Kills (SIGKILL) all processes of a node, as a power cut does; those of its pods go on. */
  killNode(name: string): void {
    killProcessesIn({ namespaces: [this.node(name).namespace.name] })
  }

  /** Makes a site's router forget all mappings, as a restart does: open connections through it are lost. */
  async resetNat(site: string): Promise<void> {
    await mustRun(['ip', 'netns', 'exec', this.router(site).namespace.name, 'conntrack', '-F'])
  }

  /**
   * Gives a site's router another NAT, as if it was replaced: all mappings are forgotten, open connections through it are
   * lost.
   *
   * @throws {LabError} when there is no such site, or it is to route or routes now
   */
  async setNat(site: string, nat: NatKind): Promise<void> {
    const router = this.router(site)
    const changed = this.#plan.changeNat(router.plan, nat)
    const { name } = router.namespace
    await mustRun(['ip', 'netns', 'exec', name, 'nft', '-f', '-'], { input: changed.ruleset })
    router.replan(changed)
    await this.resetNat(site)
  }

  /** Leaves the lab up, with its processes, when this process ends; `cleanLabs` removes it. */
  keep(): void {
    this.#kept = true
    this.#claim.keep()
    for (const { namespace } of this.#hosts.values()) namespace.unref()
  }

  /** Ends all processes and removes everything, unless the lab is kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#kept) return
    await Promise.all([...this.#hosts.values()].map(({ namespace }) => namespace.endProcesses()))
    this.#claim.release()
  }

  #host(name: string, kind: HostPlan['kind']): LabHost {
    const host = this.#hosts.get(name)
    if (host === undefined || host.plan.kind !== kind) throw new LabError(`no ${kind} "${name}" in the lab`)
    return host
  }

  #admit(plan: HostPlan): void {
    const remove = (): void => this.#forget(plan)
    const namespace = new NetworkNamespace(plan.namespace, {
      lab: this.id,
      logFolder: this.logFolder,
      remove,
    })
    const node = this.#plan.hosts.find((host) => host.namespace === plan.uplink?.bridgeNamespace)
    const nodeHost = node === undefined ? undefined : this.#hosts.get(node.name)
    const host =
      plan.kind === 'pod' && nodeHost !== undefined
        ? new LabPod(plan, namespace, nodeHost)
        : new LabHost(plan, namespace)
    this.#hosts.set(plan.name, host)
  }

  /** Does nothing for a host that was forgotten already: its name may be another's by now. */
  #forget(plan: HostPlan): void {
    if (!this.#plan.hosts.includes(plan)) return
    this.#claim.remove(plan.namespace)
    this.#plan.remove(plan)
    this.#hosts.delete(plan.name)
  }
}
