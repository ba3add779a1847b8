import { LabError } from '../lab/errors.ts'
import { type LabHost, LabPod } from '../lab/lab-host.ts'

/**
 * Connections of a client that the kernel of its node itself translated to a pod beside it, as far as it still remembers
 * them: minutes, for those that ended in order. None for a client elsewhere, which may have the address of one here.
 */
export async function kernelFlows(client: LabHost, pod: LabPod): Promise<number> {
  const node = client instanceof LabPod ? client.node : client
  if (node !== pod.node) return 0
  const filter = ['-p', 'tcp', '--orig-src', client.address, '--dst-nat', pod.address]
  const { code, stdout, stderr } = await node.exec(['conntrack', '-L', ...filter])
  if (code !== 0) throw new LabError(`the connections of ${node.name} can't be listed: ${stderr}`)
  return stdout.split('\n').filter((line) => line.startsWith('tcp')).length
}
