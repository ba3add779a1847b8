import type { LabHost } from '@edgeway/testbed'
import { mustExec } from '../probes/must-exec.ts'

/** An address that nothing has, in no range of the lab. */
export const DNAT_ADDRESS = '10.97.0.1'

/** Translates `DNAT_ADDRESS` to a pod in the kernel of its node; back through the node, as both are on one bridge. */
export async function addDnat(node: LabHost, pod: string): Promise<void> {
  const rules = `
table ip bench {
  chain prerouting { type nat hook prerouting priority -100; ip daddr ${DNAT_ADDRESS} dnat to ${pod}; }
  chain postrouting { type nat hook postrouting priority 100; ct status dnat ip daddr ${pod} masquerade; }
}`
  await mustExec(node, ['nft', rules])
}
