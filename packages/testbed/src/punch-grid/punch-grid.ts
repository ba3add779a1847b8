import { CommandedProcess } from '../lab/commanded-process.ts'
import { Lab } from '../lab/lab.ts'
import type { LabHost } from '../lab/lab-host.ts'
import { canMeet, NAT_BEHAVIORS, type NatBehavior, type NatKind } from '../lab/nat-kinds.ts'
import type { SiteSpec } from '../lab/topology.ts'
import type { GridCommand, GridNatType, GridNodeConfig, GridPunch } from './grid-commands.ts'

/** What a site of the grid has: a NAT; `double` is two behind one another, both of the usual kind. */
export type GridKind = Exclude<NatKind, 'none'> | 'double'

/** In principle. */
export function isPunchable(left: GridKind, right: GridKind): boolean {
  return canMeet(GRID_BEHAVIORS[left], GRID_BEHAVIORS[right])
}

const GRID_BEHAVIORS: Readonly<Record<GridKind, NatBehavior>> = {
  ...NAT_BEHAVIORS,
  double: NAT_BEHAVIORS['endpoint-independent'],
}

export const GRID_KINDS = Object.keys(GRID_BEHAVIORS).filter(
  (kind): kind is GridKind => kind in GRID_BEHAVIORS,
)

/** Each pair once: which side offers makes no difference that counts. */
export const GRID_PAIRS: readonly (readonly [left: GridKind, right: GridKind])[] = GRID_KINDS.flatMap(
  (left, index) => GRID_KINDS.slice(index).map((right) => [left, right] as const),
)

const LAN = '192.168.1.0/24'
const CARRIER = '100.64.0.0/24'
const RELAYS = ['relay-1', 'relay-2']
const SIDES = ['left', 'right'] as const

type Side = (typeof SIDES)[number]

/**
 * Two nodes that punch to each other, whatever NATs they have: one lab with two relays, and on each side a site and one behind
 * two NATs.
 */
export class PunchGrid implements AsyncDisposable {
  readonly lab: Lab
  /** By host. */
  readonly #processes: ReadonlyMap<string, CommandedProcess>
  readonly #types = new Map<GridKind, GridNatType>()

  private constructor(lab: Lab, processes: ReadonlyMap<string, CommandedProcess>) {
    this.lab = lab
    this.#processes = processes
  }

  /** @param program - takes a `GridNodeConfig` and answers `GridCommand`s */
  static async start(program: string): Promise<PunchGrid> {
    const lab = await Lab.create({
      cloud: RELAYS.map((name) => ({ name })),
      sites: SIDES.flatMap((side) => sitesOf(side)),
    })
    try {
      const relays = Object.fromEntries(RELAYS.map((name) => [name, lab.node(name).address]))
      const nodes = SIDES.flatMap((side) => [side, doubleOf(side)])
      const started = [
        ...RELAYS.map((name) => run(program, lab.node(name), { name })),
        ...nodes.map((name) => run(program, lab.node(name), { name, relays })),
      ]
      return new PunchGrid(lab, new Map(await Promise.all(started)))
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Their links are all that is between the nodes and the public segment. */
  get routers(): readonly LabHost[] {
    return SIDES.flatMap((side) => [side, carrierOf(side)]).map((site) => this.lab.router(site))
  }

  /** What the reflectors say of that kind of NAT; asked once. */
  async natType(kind: GridKind): Promise<GridNatType> {
    const known = this.#types.get(kind)
    if (known !== undefined) return known
    const node = await this.#place('left', kind)
    const type = (await this.#ask(node, { do: 'nat-type' })) as GridNatType
    this.#types.set(kind, type)
    return type
  }

  /** Gives both sides such NATs, lets both join the relay as new nodes, and punches from the left to the right. */
  async punch(left: GridKind, right: GridKind): Promise<GridPunch> {
    const [leftNat, rightNat] = [await this.natType(left), await this.natType(right)]
    const [from, to] = await Promise.all([this.#place('left', left), this.#place('right', right)])
    const [, peerId] = await Promise.all([
      this.#ask(from, { do: 'join', nat: leftNat }),
      this.#ask(to, { do: 'join', nat: rightNat }),
    ])
    return (await this.#ask(from, { do: 'punch', peerId: String(peerId), nat: rightNat })) as GridPunch
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]()
  }

  /** @returns the node that has such a NAT then */
  async #place(side: Side, kind: GridKind): Promise<string> {
    if (kind === 'double') return doubleOf(side)
    await this.lab.setNat(side, kind)
    return side
  }

  async #ask(node: string, command: GridCommand): Promise<unknown> {
    const process = this.#processes.get(node)
    if (process === undefined) throw new Error(`no node ${node}`)
    return await process.ask(command)
  }
}

function sitesOf(side: Side): SiteSpec[] {
  const nat = 'endpoint-independent'
  return [
    { name: side, nat, subnet: LAN, nodes: [{ name: side }] },
    { name: carrierOf(side), nat, subnet: CARRIER, nodes: [] },
    { name: doubleOf(side), nat, subnet: LAN, behind: carrierOf(side), nodes: [{ name: doubleOf(side) }] },
  ]
}

function carrierOf(side: Side): string {
  return `${side}-carrier`
}

/** Of the site behind two NATs, and its node. */
function doubleOf(side: Side): string {
  return `${side}-double`
}

async function run(
  program: string,
  host: LabHost,
  config: GridNodeConfig,
): Promise<[string, CommandedProcess]> {
  const command = [process.execPath, program, JSON.stringify(config)]
  const started = await CommandedProcess.start(host, config.name, command)
  const ready: GridCommand = { do: 'ready' }
  await started.ask(ready)
  return [config.name, started]
}
