import type { LabHost } from '@edgeway/testbed'
import { mustExec } from '../probes/must-exec.ts'

/** An address that nothing has, in no range of the lab. */
export const DNAT_ADDRESS = '10.97.0.1'

/**
 * Translates `DNAT_ADDRESS` to a pod in the kernel of its node, as kube-proxy does: without another source address.
 * Answers to a client on the same bridge find their way back as bridge-nf-call-iptables is on.
 */
export async function addDnat(node: LabHost, pod: string): Promise<void> {
  const rules = `
table ip bench {
  chain prerouting { type nat hook prerouting priority -100; ip daddr ${DNAT_ADDRESS} dnat to ${pod}; }
}`
  await mustExec(node, ['nft', rules])
}
