import { netemLines } from './netem.ts'
import { devicesOf, vethLines, vethRemovalLines } from './plumbing.ts'
import { runBatch } from './run-batch.ts'
import type { WanLink, WanPlace } from './wan-link.ts'
import type { Impairments } from './wan-spec.ts'

/** @throws {LabError} when the kernel refuses, as without netem or when the link is emulated already */
export async function startNetemLink({ uplink }: WanPlace, impairments: Impairments): Promise<WanLink> {
  const { hostPeer, segmentPeer } = devicesOf(uplink)
  const set = (changed: Impairments): Promise<void> => runBatch('tc', uplink, netemLines(uplink, changed))
  await runBatch('ip', uplink, vethLines(uplink))
  await set(impairments)
  return {
    inner: [[hostPeer, segmentPeer]],
    set,
    [Symbol.asyncDispose]: () => runBatch('ip', uplink, vethRemovalLines(uplink)),
  }
}
