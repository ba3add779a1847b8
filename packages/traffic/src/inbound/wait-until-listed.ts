import type { FlowRequest, ServiceDirectory } from '@edgeway/core'

/**
 * Waits until a Service lists `target`: the directory of the node that asks may be ahead of this one's.
 *
 * @returns false when that is not so within `timeoutMs`, or when `signal` aborts before
 */
export async function waitUntilListed(
  target: FlowRequest['target'],
  services: Pick<ServiceDirectory, 'hasEndpoint' | 'watch'>,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  if (services.hasEndpoint(target)) return true
  if (signal.aborted) return false
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const giveUp = (): void => resolve(false)
  using _watch = services.watch(() => {
    if (services.hasEndpoint(target)) resolve(true)
  })
  const late = setTimeout(giveUp, timeoutMs)
  signal.addEventListener('abort', giveUp)
  const isListed = await promise
  clearTimeout(late)
  signal.removeEventListener('abort', giveUp)
  return isListed
}
