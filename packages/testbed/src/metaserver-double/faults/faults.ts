import type { Compat } from './compat.ts'

export const SLICE_CORRUPTIONS = ['released', 'master', 'off'] as const

/** `released`: only slices with a port named `https` are rewritten; `master`: all of them. */
export type SliceCorruption = (typeof SLICE_CORRUPTIONS)[number]

interface Fault {
  /** What MetaServer does, and after the semicolon what it does with the switch off. */
  readonly does: string
  /** Off unless asked for: reported by users, but not found on every path of the source. */
  readonly isRare?: true
}

/** What is wrong with MetaServer, and with CloudCore as far as it shows there: one switch each. */
export const FAULTS = {
  // Reads
  maskGetErrors: {
    does: 'GET: any error of the cloud (404, 403, …) is answered from the store; off: only an unreachable cloud is',
  },
  maskListErrors: {
    does: 'LIST: any error of the cloud is answered from the store, with 200; off: only an unreachable cloud is',
  },
  listNotStored: { does: 'LIST: what the cloud answers is not stored; off: it is' },
  staleCachedPaths: {
    does: 'offline, /version, /readyz and discovery answer 200 with what they last said; off: 500',
  },
  // Lists from the store
  voidEmptyList: { does: 'an empty list from the store has no metadata; off: it has a resourceVersion' },
  selfLinkInLocalList: { does: 'lists from the store carry the store key as selfLink; off: none' },
  guessedListKind: {
    does: "a list's kind is guessed from the plural (ConfigmapList); off: that of its objects",
  },
  fieldSelectorsIgnored: {
    does: 'fields other than metadata.name and metadata.namespace count as empty; off: they are compared',
  },
  pagingIgnored: {
    does: 'limit and continue mean nothing for a list from the store; off: it comes in pages',
  },
  // Watches
  watchFromZero: {
    does: 'a watch ignores its resourceVersion and starts with every row as ADDED; off: with newer rows, and with 410 Expired where deletions may be missed',
  },
  watchDropsNextVersion: {
    does: 'a watch misses events up to version "highest stored when it was opened" + 1; off: none',
  },
  watchGap: { does: 'events between the replay and the start of a watch are lost; off: there is no gap' },
  noBookmarks: { does: 'no BOOKMARK ever; off: at the end of initial events and of a watch, where allowed' },
  slowReaderStalls: {
    does: "a client that does not read its watch stops the node's deliveries; off: it is cut off",
  },
  // Watches at the cloud
  listenersLostOnRestart: {
    does: "a restarted CloudCore knows no watch until one on the node closes; off: the node tells it when it's back",
  },
  offlineWatchStaysLocal: {
    does: 'a watch opened while the cloud is away never gets live events; off: once it is back',
  },
  sharedApplications: {
    does: 'closing one of two identical watches ends the live events of both; off: only of the one closed',
  },
  selectorExitUntold: {
    does: 'an object that leaves the selector of a watch is not told; off: it is DELETED',
  },
  namespacedPodWatchSilent: { does: 'a watch of the Pods of one namespace has no live events; off: it has' },
  unknownWatchCrashes: {
    does: 'a watch of a resource that does not exist ends CloudCore, for all nodes; off: it gets nothing',
  },
  deniedWatchBlocks: {
    does: 'a watch of what CloudCore may not list stops its answers, for all nodes; off: it gets nothing',
  },
  // Deliveries
  stopAndWait: { does: 'one object per round trip; off: all that wait at once' },
  reordersKinds: { does: 'objects of different kinds overtake one another; off: in order' },
  dedupeBySync: {
    does: 'what was acknowledged once is never sent again, even to a wiped node; off: it is, on reconnect',
  },
  lostDeletes: {
    does: 'deletions while the link is down never arrive, rows stay as ghosts; off: within syncIntervalMs of its return',
  },
  staleUidDeletes: {
    does: 'an object that was replaced by one of the same name while the link was down is DELETED after the new one arrived; off: not',
    isRare: true,
  },
  kindlessResend: {
    does: 'after a restart of CloudCore, until the first watch of the resource, resent objects are acknowledged but not stored (Services and Nodes are); off: they are',
  },
  // The store
  guessedResource: {
    does: 'the row of an object is found by guessing the plural of its kind (gatewaies); off: by its resource',
  },
  olderOverwrites: { does: 'an older object replaces a newer row; off: it is ignored' },
  // Secure mode
  noOfflineRestart: {
    does: 'in secure mode, nothing listens after a restart without the cloud; off: it does',
  },
} as const satisfies Readonly<Record<string, Fault>>

/** What `endpointSliceLists` does. */
export const SLICE_FAULT =
  'a LIST of EndpointSlices points slices at 127.0.0.1:10550 with one endpoint each; released: those with a port named https, master: all, off: none'

type FlagName = keyof typeof FAULTS

/** All switches: flags, and which slices a LIST of EndpointSlices ruins. */
export type Faults = Readonly<Record<FlagName, boolean>> & {
  /** A LIST of EndpointSlices points slices at 127.0.0.1:10550, with one endpoint each. */
  readonly endpointSliceLists: SliceCorruption
}

const FLAG_NAMES = Object.keys(FAULTS) as FlagName[]

/** MetaServer as it should be. */
export const NO_FAULTS: Faults = { ...allFlags(() => false), endpointSliceLists: 'off' }

/** Everything that ever was wrong with it, at once. */
export const ALL_FAULTS: Faults = { ...allFlags(() => true), endpointSliceLists: 'master' }

/** MetaServer as it is. */
export function faultsOf(compat: Compat): Faults {
  return {
    ...allFlags((name) => !('isRare' in FAULTS[name])),
    endpointSliceLists: compat === 'master' ? 'master' : 'released',
  }
}

/**
 * Reads switches from texts or JSON values: `true`, `false`, and for `endpointSliceLists` its values.
 *
 * @throws {TypeError} that says which name or value is none
 */
export function readFaults(values: Readonly<Record<string, unknown>>): Partial<Faults> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, readFault(name, value)]))
}

function readFault(name: string, value: unknown): boolean | SliceCorruption {
  const text = String(value)
  if (name === 'endpointSliceLists') {
    const corruption = SLICE_CORRUPTIONS.find((known) => known === text)
    if (corruption !== undefined) return corruption
    throw new TypeError(`fault ${name}: expected ${SLICE_CORRUPTIONS.join(', ')}, found ${text}`)
  }
  if (!Object.hasOwn(FAULTS, name)) throw new TypeError(`no fault ${name}`)
  if (text !== 'true' && text !== 'false')
    throw new TypeError(`fault ${name}: expected true or false, found ${text}`)
  return text === 'true'
}

function allFlags(isOn: (name: FlagName) => boolean): Record<FlagName, boolean> {
  return Object.fromEntries(FLAG_NAMES.map((name) => [name, isOn(name)])) as Record<FlagName, boolean>
}
