import type { ServerResponse } from 'node:http'
import { StatusError } from '../../api-double/status-error.ts'
import type { EdgeNode, ReadRequest } from '../edge/edge-node.ts'
import type { CompatTraits } from '../faults/compat.ts'
import type { Faults } from '../faults/faults.ts'
import type { MetaServerDoubleOptions } from '../options.ts'
import { apiVersionOf, guessKind } from '../resource.ts'
import type { Clock } from '../time/clock.ts'
import type { Random } from '../time/random.ts'
import type { Format } from './representation.ts'
import { WatchResponse } from './watch-response.ts'

interface WatchParts {
  readonly node: EdgeNode
  readonly clock: Clock
  readonly random: Random
  readonly faults: Readonly<Faults>
  readonly traits: CompatTraits
  readonly options: Pick<
    MetaServerDoubleOptions,
    'minWatchTimeoutMs' | 'maxWatchTimeoutMs' | 'watchQueueLength'
  >
}

/** Answers a WATCH: after a word with the cloud the rows, then what comes, until its time is over or the client goes. */
export async function serveWatch(
  request: ReadRequest & { readonly format: Format },
  response: ServerResponse,
  { node, clock, random, faults, traits, options }: WatchParts,
): Promise<void> {
  const { query, format } = request
  const initial = query.get('sendInitialEvents') === 'true'
  if (initial && traits.refusesInitialEvents)
    throw new StatusError(
      'Invalid',
      'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
    )
  const timeoutMs = timeoutOf(query, { random, options })
  const watch = await node.watch(request)
  response.once('close', () => watch[Symbol.dispose]())
  // The client may be gone already, without another word of it.
  if (response.destroyed) {
    watch[Symbol.dispose]()
    return
  }
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
  const reader = new WatchResponse(response, { format, faults, maxWaiting: options.watchQueueLength })
  const allowsBookmarks = query.get('allowWatchBookmarks') === 'true' && !faults.noBookmarks
  const bookmark = (annotations: Readonly<Record<string, string>>): void => {
    if (allowsBookmarks) reader.send('BOOKMARK', bookmarkOf(request, node.revision, annotations))
  }
  const end = clock.after(timeoutMs, () => {
    bookmark({})
    reader.end()
  })
  response.once('close', () => end[Symbol.dispose]())
  try {
    watch.start(reader)
    if (initial) bookmark({ 'k8s.io/initial-events-end': 'true' })
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    reader.send('ERROR', error.status)
    reader.end()
  }
}

function timeoutOf(
  query: URLSearchParams,
  { random, options }: Pick<WatchParts, 'random' | 'options'>,
): number {
  const text = query.get('timeoutSeconds') ?? ''
  if (!/^\d*$/.test(text)) throw new StatusError('BadRequest', `timeoutSeconds is not a number: ${text}`)
  const { minWatchTimeoutMs, maxWatchTimeoutMs } = options
  if (Number(text) > 0) return Number(text) * 1_000
  return minWatchTimeoutMs + random() * (maxWatchTimeoutMs - minWatchTimeoutMs)
}

function bookmarkOf(
  { place }: ReadRequest,
  revision: number,
  annotations: Readonly<Record<string, string>>,
): object {
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, annotations }
  return { kind: guessKind(place.resource), apiVersion: apiVersionOf(place), metadata }
}
