import { isIP } from 'node:net'
import { canonicalIp } from '../../mappers/ip-address.ts'
import type { PodRuntime, RunningPod } from '../pod-runtime.ts'
import { GRPC_NOT_FOUND, GrpcError, GrpcSession } from './grpc-session.ts'
import { encodeField, WireMessage } from './wire.ts'

const SERVICE = '/runtime.v1.RuntimeService'

/** A filter for the state SANDBOX_READY. That is 0, a default, which is not sent: an empty message says it. */
const READY = encodeField(2, Buffer.alloc(0))
/** NamespaceMode NODE. */
const NODE_NETWORK = 2

/**
 * A runtime behind the Container Runtime Interface: containerd, CRI-O, cri-dockerd.
 *
 * A sandbox keeps its addresses for life, so each is asked for once; a question without news is one call on a
 * connection of its own, which leaves nothing to look after in between. The numbers of fields are from api.proto.
 *
 * @see https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto
 */
export class CriRuntime implements PodRuntime {
  readonly #socketPath: string
  #known: ReadonlyMap<string, RunningPod> = new Map()

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  async runningPods(signal: AbortSignal): Promise<readonly RunningPod[]> {
    using session = new GrpcSession(this.#socketPath)
    const list = new WireMessage(
      await session.call(`${SERVICE}/ListPodSandbox`, encodeField(1, READY), signal),
    )
    const before = this.#known
    const known = new Map<string, RunningPod>()
    const unknown: string[] = []
    for (const id of list.messages(1).map((sandbox) => sandbox.string(1))) {
      const pod = before.get(id)
      if (pod === undefined) unknown.push(id)
      else known.set(id, pod)
    }
    // Before the first call: when time is up before the last one, the next question goes on from there.
    this.#known = known
    for (const id of unknown) {
      const pod = await podOf(session, id, signal)
      if (pod !== undefined) known.set(id, pod)
    }
    return [...known.values()]
  }
}

/** @returns `undefined` for a sandbox that is gone by now, or has no address yet */
async function podOf(session: GrpcSession, id: string, signal: AbortSignal): Promise<RunningPod | undefined> {
  try {
    const answer = await session.call(`${SERVICE}/PodSandboxStatus`, encodeField(1, id), signal)
    const pod = readStatus(new WireMessage(answer).message(1))
    return pod.isHostNetwork || pod.ips.length > 0 ? pod : undefined
  } catch (error) {
    if (error instanceof GrpcError && error.status === GRPC_NOT_FOUND) return undefined
    throw error
  }
}

function readStatus(status: WireMessage): RunningPod {
  const metadata = status.message(2)
  const network = status.message(5)
  const namespaces = status.message(6).message(1).message(2)
  const ips = [network.string(1), ...network.messages(2).map((more) => more.string(1))]
  return {
    namespace: metadata.string(3),
    name: metadata.string(1),
    uid: metadata.string(2),
    ips: ips.filter((ip) => isIP(ip) !== 0 && !ip.includes('%')).map((ip) => canonicalIp(ip, 'network.ip')),
    isHostNetwork: namespaces.number(1) === NODE_NETWORK,
    createdAt: status.number(4),
  }
}
