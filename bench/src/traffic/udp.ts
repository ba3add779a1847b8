import type { LabHost } from '@edgeway/testbed'
import { compareWays } from '../compare-ways.ts'
import { DNAT_ADDRESS } from '../peers/dnat.ts'
import type { Probe } from '../probe.ts'
import { mustExec } from '../probes/must-exec.ts'
import { exchangeUdp, startUdpEcho, udpFigures } from '../probes/udp.ts'
import type { Result } from '../result.ts'
import type { Contender, Scene } from '../scene.ts'
import { FORCED_IP, makeForcedService } from './forced-service.ts'
import type { TrafficContext, TrafficPart } from './plan.ts'
import { forgetConnections } from './tcp.ts'

const NAME = { bench: 'traffic', case: 'agent, UDP' } as const
const SECONDS = 2
/** What no reference has a figure for, or none worth a ratio. */
const ALONE = ['UDP CPU us/packet', 'UDP lost %']

const UDP: Probe = {
  name: 'UDP',
  units: {
    'UDP packets': '/s',
    'UDP CPU us/packet': 'us',
    'UDP machine CPU us/packet': 'us',
    'UDP client CPU %': '%',
    'UDP lost %': '%',
  },
  async run(client, { ip, pids }) {
    const figures = udpFigures(await exchangeUdp(client, ip, { seconds: SECONDS, pids }))
    return {
      'UDP packets': figures.packetsPerSecond,
      'UDP CPU us/packet': figures.carrierUsPerPacket,
      'UDP machine CPU us/packet': figures.machineUsPerPacket,
      'UDP client CPU %': figures.clientPercent,
      'UDP lost %': figures.lostPercent,
    }
  },
}

/** Small datagrams there and back, 64 under way, through the agent in userspace. haproxy has no UDP. */
export const UDP_PART: TrafficPart = {
  name: 'udp',
  figures: () =>
    Object.entries(UDP.units).map(([metric, unit]) => {
      const referenceName = ALONE.includes(metric) ? 'absolute' : 'direct'
      return { ...NAME, metric, unit, referenceName }
    }),
  measure,
}

async function measure({ scene, plan, onStep }: TrafficContext): Promise<Result[]> {
  const { mesh } = scene
  const pod = mesh.lab.pod('near')
  await startUdpEcho(pod)
  await makeForcedService(mesh)
  const ours: Contender = { name: 'edgeway', ip: FORCED_IP, pids: [mesh.agent('edge-1').pid] }
  return compareWays(
    {
      ...NAME,
      edgeMesh: 'same-node',
      client: mesh.lab.pod('client'),
      ours,
      references: [
        { name: 'direct', ip: pod.address, pids: [] },
        { name: 'kernel DNAT', ip: DNAT_ADDRESS, pids: [] },
      ],
      probes: [watched(UDP, { scene, ours })],
      alone: ALONE,
      pairs: plan.pairs,
      beforeEach: () => forgetConnections(scene),
    },
    onStep,
  )
}

/** The probe, with a look at who carried ours: a kernel path's figures would pass for the agent's. */
function watched(probe: Probe, { scene, ours }: { readonly scene: Scene; readonly ours: Contender }): Probe {
  const run: Probe['run'] = async (client, way) => {
    const figures = await probe.run(client, way)
    if (way === ours) await mustNotBeInKernel(scene, client)
    return figures
  }
  return { ...probe, run }
}

/** @throws {Error} when the kernel translated datagrams of the client to the Service straight to the pod */
async function mustNotBeInKernel({ mesh: { lab } }: Scene, client: LabHost): Promise<void> {
  const from = ['-p', 'udp', '--orig-src', client.address, '--orig-dst', FORCED_IP]
  const list = ['conntrack', '-L', ...from, '--dst-nat', lab.pod('near').address]
  const flows = await mustExec(lab.node('edge-1'), list)
  if (/^udp/m.test(flows)) throw new Error('the kernel carried the datagrams, not the agent')
}
