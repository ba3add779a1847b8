import { existsSync } from 'node:fs'
import { NETNS_FOLDER } from '../lab/namespace-processes.ts'
import { startNetemLink } from './netem-link.ts'
import { devicesOf, forwardingRemoval, forwardingRules, insertLines, removeLines } from './plumbing.ts'
import { runBatch } from './run-batch.ts'
import { startTapLink } from './tap-link.ts'
import type { WanLink, WanPlace } from './wan-link.ts'
import { impairmentsOf, type WanSpec } from './wan-spec.ts'

/** A host's link that is a wide-area one; disposal makes it plain again, what is under way then is lost. */
export interface EmulatedWan extends AsyncDisposable {
  /**
   * Replaces all that holds.
   *
   * @throws {LabError} naming the field that can't be
   */
  set(spec: WanSpec): Promise<void>
}

/** @throws {LabError} when the link is emulated already, the kernel refuses, or the specification can't be */
export async function startWan(
  place: WanPlace,
  spec: WanSpec,
  { isNetem }: { readonly isNetem: boolean },
): Promise<EmulatedWan> {
  const start = isNetem ? startNetemLink : startTapLink
  const link = await start(place, impairmentsOf(spec))
  try {
    await insert(place, link)
  } catch (error) {
    await link[Symbol.asyncDispose]()
    throw error
  }
  let over: Promise<void> | undefined
  return {
    set: (changed) => link.set(impairmentsOf(changed)),
    [Symbol.asyncDispose]: () => {
      over ??= remove(place, link)
      return over
    },
  }
}

async function insert({ uplink }: WanPlace, link: WanLink): Promise<void> {
  const { host } = devicesOf(uplink)
  await runBatch('nft', uplink, [forwardingRules(uplink, [[uplink.port, host], ...link.inner])])
  await runBatch('ip', uplink, insertLines(uplink))
}

async function remove({ uplink, namespace }: WanPlace, link: WanLink): Promise<void> {
  // With its lab gone there is nothing to restore.
  if (!existsSync(`${NETNS_FOLDER}/${namespace.name}`)) return
  await runBatch('ip', uplink, removeLines(uplink))
  await runBatch('nft', uplink, [forwardingRemoval(uplink)])
  await link[Symbol.asyncDispose]()
}
