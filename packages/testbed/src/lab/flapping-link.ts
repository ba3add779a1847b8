import { setTimeout as delay } from 'node:timers/promises'
import type { HostPlan } from './host-plan.ts'
import { setLink } from './impairments.ts'

/** How long a link is up, then cut, again and again. */
export interface Flapping {
  readonly upMs: number
  readonly downMs: number
}

/**
 * Cuts a host's link by the clock, first after `upMs`. Disposal leaves it up; it rejects when the kernel refused a change
 * meanwhile.
 */
export function flapLink(host: HostPlan, { upMs, downMs }: Flapping): AsyncDisposable {
  const over = new AbortController()
  const running = flap(host, { upMs, downMs }, over.signal)
  // Told by the disposal.
  running.catch(() => {})
  return {
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await running
    },
  }
}

async function flap(host: HostPlan, { upMs, downMs }: Flapping, over: AbortSignal): Promise<void> {
  while (await passed(upMs, over)) {
    await setLink(host, 'down')
    await passed(downMs, over)
    await setLink(host, 'up')
  }
}

/** @returns false when it is over before */
async function passed(milliseconds: number, over: AbortSignal): Promise<boolean> {
  await delay(milliseconds, undefined, { signal: over }).catch(() => {})
  return !over.aborted
}
