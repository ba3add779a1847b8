import type { HostPlan } from './host-plan.ts'
import type { LabProcess, LabProcessOptions } from './lab-process.ts'
import type { NetworkNamespace } from './namespace.ts'
import type { CommandOptions, CommandResult } from './run-command.ts'

/** A node or router of a lab: a network namespace with a place in the topology. */
export class LabHost {
  readonly namespace: NetworkNamespace
  #plan: HostPlan

  constructor(plan: HostPlan, namespace: NetworkNamespace) {
    this.#plan = plan
    this.namespace = namespace
  }

  /** As it is now. */
  get plan(): HostPlan {
    return this.#plan
  }

  /** For the lab, after it has changed the host. */
  replan(plan: HostPlan): void {
    this.#plan = plan
  }

  /** As in the topology; of a router `<site>-router`. */
  get name(): string {
    return this.plan.name
  }

  /** Where its neighbours reach it: of a router on the public segment, of a node on its LAN, of a pod on its node. */
  get address(): string {
    return this.plan.address
  }

  /** On its own bridge: of a router on the LAN, of a node among its pods; `undefined` for a pod. */
  get innerAddress(): string | undefined {
    return this.plan.bridge?.address
  }

  /** Runs a command on the host to its end. A non-zero exit code is a result, not an error. */
  exec(command: readonly string[], options?: CommandOptions): Promise<CommandResult> {
    return this.namespace.exec(command, options)
  }

  /** Starts a process on the host; without `logFile` its output goes to a file in the lab's log folder. */
  spawn(command: readonly string[], options?: Partial<LabProcessOptions>): LabProcess {
    return this.namespace.spawn(command, options)
  }
}

/** A pod: a namespace on the bridge of its node, with a resolv.conf of its own. */
export class LabPod extends LabHost {
  readonly node: LabHost

  constructor(plan: HostPlan, namespace: NetworkNamespace, node: LabHost) {
    super(plan, namespace)
    this.node = node
  }

  /** Ends its processes and takes it off the node; name and address are free then. */
  remove(): Promise<void> {
    return this.namespace[Symbol.asyncDispose]()
  }
}
