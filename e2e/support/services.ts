import {
  type EndpointSpec,
  endpointSliceObject,
  type Mesh,
  type ServiceSpec,
  serviceObject,
} from '@edgeway/testbed'

type ApiObject = ReturnType<typeof serviceObject>

/** Connections go through the agent also where the kernel could carry them. */
export const BY_AGENT = { 'edgeway.io/forwarding': 'agent' }

export interface ServedService extends ServiceSpec {
  readonly annotations?: Readonly<Record<string, string>>
  /** Where its endpoints listen. */
  readonly targetPort: number
  readonly endpoints: readonly EndpointSpec[]
  /** TCP unless given. */
  readonly protocol?: 'TCP' | 'UDP'
  /** What it is said to speak, e.g. `kubernetes.io/h2c`; nobody says it unless given. */
  readonly appProtocol?: string
  /** `main` unless given. */
  readonly portName?: string
}

/** Creates or changes Services with their endpoints. */
export async function applyServices(mesh: Mesh, services: readonly ServedService[]): Promise<void> {
  await mesh.kubectl.apply(...services.flatMap(objectsOf))
}

function objectsOf(served: ServedService): ApiObject[] {
  const { annotations = {}, targetPort, endpoints, protocol = 'TCP', ...others } = served
  const { appProtocol, portName: name = 'main', ...spec } = others
  const said = appProtocol === undefined ? {} : { appProtocol }
  const service = serviceObject(spec)
  const slice = endpointSliceObject(spec, targetPort, endpoints)
  const { clusterIp, port } = spec
  return [
    {
      ...service,
      metadata: { ...service.metadata, annotations },
      spec: {
        clusterIP: clusterIp,
        clusterIPs: [clusterIp],
        ports: [{ name, protocol, port, targetPort, ...said }],
      },
    },
    { ...slice, ports: [{ name, protocol, port: targetPort, ...said }] },
  ]
}
