import assert from 'node:assert/strict'
import {
  type Endpoint,
  type EndpointHealth,
  formatEndpoint,
  type Node,
  type NodeName,
  type Service,
  type ServicePort,
  type ServicePortMode,
  type TrafficScope,
} from '@edgeway/core'
import { serviceOf } from '../builders.ts'
import { FakeEndpointHealth } from '../fakes/fake-endpoint-health.ts'
import type { ContractCase } from './contract-case.ts'
import { HEALTH_CASES } from './endpoint-selection-health.ts'
import { LAYER_CASES } from './endpoint-selection-layers.ts'
import { CONDITION_CASES, LIMIT_CASES } from './endpoint-selection-limits.ts'
import { MODE_CASES } from './endpoint-selection-modes.ts'
import { TOPOLOGY_CASES } from './endpoint-selection-topology.ts'
import { WISH_CASES } from './endpoint-selection-wishes.ts'
import { EVERY_NODE, OWN_NODE, type SelectionCase } from './endpoint-selection-world.ts'

/** What endpoints are chosen from: one Service with one port, its endpoints, and the node that looks at them. */
export interface SelectionScene {
  readonly service: Service
  readonly port: ServicePort
  /** In any condition. */
  readonly endpoints: readonly Endpoint[]
  /** Of the endpoints; who has no eye for it can't hold to the contract. */
  readonly health: Pick<EndpointHealth, 'state'>
  /** All Nodes that are known; `nodeName` need not be among them. */
  readonly nodes: readonly Node[]
  readonly nodeName: NodeName
  readonly scope: TrafficScope
  /** Whether a listener of the node's own agent answers it in place of the endpoints. */
  readonly answeredHere: boolean
}

/** What was chosen, as far as who chooses tells: what is missing is not compared. */
export interface SelectionChoice {
  /** In the order in which they came. */
  readonly endpoints?: readonly Endpoint[]
  /** `undefined`: the ServicePort is left alone. */
  readonly mode?: ServicePortMode | undefined
}

/** What everybody holds to who chooses endpoints or modes: whether kernel or agent carries it, the rules are the same. */
export function endpointSelectionContract(
  choose: (scene: SelectionScene) => SelectionChoice,
): readonly ContractCase[] {
  return CASES.map((one) => ({
    title: one.title,
    run: async () => compare(choose(sceneOf(one)), one),
  }))
}

const CASES: readonly SelectionCase[] = [
  ...CONDITION_CASES,
  ...LIMIT_CASES,
  ...TOPOLOGY_CASES,
  ...HEALTH_CASES,
  ...MODE_CASES,
  ...WISH_CASES,
  ...LAYER_CASES,
]

const WEB = serviceOf('shop/web:http', '10.96.0.1', 80)

function sceneOf({
  service,
  port,
  endpoints,
  health: states = [],
  nodes = EVERY_NODE,
  nodeName = OWN_NODE,
  scope = 'internal',
  answeredHere = false,
}: SelectionCase): SelectionScene {
  const [plain] = WEB.ports
  assert.ok(plain)
  const only = { ...plain, ...port }
  const health = new FakeEndpointHealth()
  for (const [endpoint, state] of states) health.set(only.name, endpoint, state)
  const whole = { ...WEB, ...service, ports: [only] }
  return { service: whole, port: only, endpoints, health, nodes, nodeName, scope, answeredHere }
}

function compare(choice: SelectionChoice, expected: SelectionCase): void {
  if (choice.endpoints !== undefined)
    assert.deepEqual(choice.endpoints.map(formatEndpoint), expected.expected.map(formatEndpoint))
  if (!('mode' in choice)) return
  if ('mode' in expected) assert.equal(choice.mode, expected.mode)
  else if (expected.expected.length === 0) assert.equal(choice.mode, 'REJECT')
}
