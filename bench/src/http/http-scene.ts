import { type LabProcess, Mesh, namespaceObject, nodeObject, type Topology } from '@edgeway/testbed'
import { HTTP_PROXIES, type HttpProxy, type ProxyRoute, startHttpProxy } from '../peers/http-proxies.ts'
import { mustExec } from '../probes/must-exec.ts'
import type { Contender, Ways } from '../scene.ts'
import { BENCH } from '../service-objects.ts'
import { startGrpcOrigin, startOrigin } from './origins.ts'
import {
  HASH_HEADER,
  HTTP_PORTS,
  type HttpRoute,
  numberOf,
  ORIGINS,
  ROUTES,
  type RouteName,
} from './routes.ts'
import { clusterIpOf, FAR, farObjects, objectsOfRoute } from './services.ts'

const CLIENT = 'client'
const FAR_POD = 'far'
const NODE = 'edge-1'
const FAR_NODE = 'edge-2'
const NODES = ['cloud', NODE, FAR_NODE]
const RESOLVER = 'resolver'
/** Of no network of the lab; each proxy has an address per route. */
const PREFIX_OF = { haproxy: '10.98.0', nginx: '10.98.1' } as const

const POD_NAMES = [CLIENT, ...ORIGINS]

/** The client's node, behind a NAT, with three pods that serve; at another site, one that does. Between them all is relayed. */
const TOPOLOGY: Topology = {
  cloud: [
    { name: 'cloud', address: '45.80.0.10', podSubnet: '10.244.0.0/24' },
    { name: RESOLVER, address: '45.80.0.53' },
  ],
  sites: [
    {
      name: 'near-site',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [
        {
          name: NODE,
          address: '192.168.1.10',
          podSubnet: '10.244.1.0/24',
          pods: POD_NAMES.map((name, index) => ({
            name,
            namespace: BENCH,
            address: `10.244.1.${10 + index}`,
          })),
        },
      ],
    },
    {
      name: 'far-site',
      nat: 'none',
      subnet: '192.168.2.0/24',
      nodes: [
        {
          name: FAR_NODE,
          address: '192.168.2.10',
          podSubnet: '10.244.2.0/24',
          pods: [{ name: FAR_POD, namespace: BENCH, address: '10.244.2.11' }],
        },
      ],
    },
  ],
}

/** A running mesh with HTTP servers, and haproxy and nginx beside the agent on the client's node. */
export class HttpScene implements AsyncDisposable {
  readonly mesh: Mesh
  readonly #proxies = new Map<HttpProxy, LabProcess>()

  private constructor(mesh: Mesh) {
    this.mesh = mesh
  }

  static async start(onStep: (step: string) => void): Promise<HttpScene> {
    const mesh = await Mesh.start({ topology: TOPOLOGY, bystanders: [RESOLVER], logLevel: 'info', onStep })
    const scene = new HttpScene(mesh)
    try {
      const { lab, kubectl } = mesh
      const origin = (name: string, node: string) => ({ ip: lab.pod(name).address, node })
      await kubectl.apply(
        namespaceObject(BENCH),
        ...NODES.map(nodeObject),
        ...ROUTES.flatMap((route) =>
          objectsOfRoute(
            route,
            route.origins.map((name) => origin(name, NODE)),
          ),
        ),
        ...farObjects(origin(FAR_POD, FAR_NODE)),
      )
      onStep('starting servers and reference peers')
      const [first] = ORIGINS
      await Promise.all([...ORIGINS, FAR_POD].map((name) => startOrigin(lab, lab.pod(name))))
      await startGrpcOrigin(lab, lab.pod(first))
      for (const proxy of HTTP_PROXIES) await scene.restartProxy(proxy)
      return scene
    } catch (error) {
      await mesh[Symbol.asyncDispose]()
      throw error
    }
  }

  get client() {
    return this.mesh.lab.pod(CLIENT)
  }

  /** Through the agent, which looks at requests; without anything between, and through proxies on the same node. */
  waysTo(name: RouteName): Ways {
    const route = routeOf(name)
    const [first = ''] = route.origins
    const direct: Contender = { name: 'direct', ip: this.mesh.lab.pod(first).address, pids: [] }
    const proxies = HTTP_PROXIES.map(
      (proxy): Contender => ({ name: proxy, ip: addressOf(proxy, name), pids: [this.#pidOf(proxy)] }),
    )
    return {
      ours: { name: 'edgeway', ip: clusterIpOf(route), pids: [this.mesh.agent(NODE).pid] },
      references: [direct, ...proxies],
    }
  }

  /** To the pod at the other site, requests looked at or connections carried. */
  waysToFar(): Ways {
    const { mesh } = this
    const pids = [mesh.agent(NODE).pid, mesh.agent(FAR_NODE).pid, mesh.server.pid]
    return {
      ours: { name: 'edgeway', ip: FAR.l7, pids },
      references: [{ name: 'edgeway L4', ip: FAR.l4, pids }],
    }
  }

  async restartAgent(): Promise<void> {
    const agent = this.mesh.agent(NODE)
    await agent.stop()
    await agent.start()
    await agent.whenReady()
  }

  async restartProxy(proxy: HttpProxy): Promise<void> {
    await this.#proxies.get(proxy)?.[Symbol.asyncDispose]()
    const { lab } = this.mesh
    const routes = ROUTES.map((route): ProxyRoute => {
      const port = HTTP_PORTS[route.protocol]
      return {
        name: route.name,
        ip: addressOf(proxy, route.name),
        port,
        isHttp2: route.protocol !== 'http',
        targets: route.origins.map((name) => `${lab.pod(name).address}:${port}`),
        hashHeader: route.isHashed ? HASH_HEADER : undefined,
      }
    })
    this.#proxies.set(proxy, await startHttpProxy(lab, lab.node(NODE), { proxy, routes }))
  }

  /** What the kernel still knows of thousands of ended connections would be in the way of new ones. */
  async forgetConnections(): Promise<void> {
    await mustExec(this.mesh.lab.node(NODE), ['conntrack', '--flush'])
  }

  /** Requests that the agent of the client's node has looked at so far. */
  requestsSeen(protocol: 'http1' | 'http2'): Promise<number> {
    return this.mesh.agent(NODE).metric('edgeway_traffic_requests_total', { protocol })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]()
  }

  #pidOf(proxy: HttpProxy): number {
    const process = this.#proxies.get(proxy)
    if (process === undefined) throw new Error(`${proxy} was not started`)
    return process.pid
  }
}

function addressOf(proxy: HttpProxy, name: RouteName): string {
  return `${PREFIX_OF[proxy]}.${numberOf(name)}`
}

function routeOf(name: RouteName): HttpRoute {
  const route = ROUTES.find((one) => one.name === name)
  if (route === undefined) throw new Error(`no route ${name}`)
  return route
}
