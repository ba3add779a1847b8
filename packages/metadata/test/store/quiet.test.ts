import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MemoryLogger } from '@edgeway/testbed'
import { afterEach, expect, it, vi } from 'vitest'
import { OfflineStore } from '../../src/store/offline-store.ts'
import { service, slice } from '../support/objects.ts'
import { eventually, RunningMetadata } from '../support/running-metadata.ts'
import { type Answer, ScriptedSource, watch } from '../support/scripted-source.ts'

afterEach(() => void vi.useRealTimers())

/** A list whose version and whose objects' versions rise with each answer, as in a cluster where others are busy. */
function busyList(make: (turn: number) => readonly object[]): Answer {
  let turn = 0
  return (response) => {
    turn += 1
    const metadata = { resourceVersion: String(turn * 100) }
    response.end(JSON.stringify({ kind: 'List', metadata, items: make(turn) }))
  }
}

/** A node whose kubelet reports every now and then that it is alive. */
function beating(name: string, turn: number): object {
  const lastHeartbeatTime = new Date(turn * 1_000).toISOString()
  return {
    metadata: {
      name,
      uid: name,
      resourceVersion: String(turn * 100),
      managedFields: [{ time: lastHeartbeatTime }],
    },
    status: {
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }],
    },
  }
}

function versioned(object: ReturnType<typeof service>, resourceVersion: number): object {
  const metadata = { ...object.metadata, uid: object.metadata.name, resourceVersion: String(resourceVersion) }
  return { ...object, metadata }
}

it('writes nothing of a cluster in which nothing of concern changes, node heartbeats and lists included', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-quiet-'))
  const storeFile = join(folder.path, 'edgeway.db')
  let webIp = '10.96.0.1'
  await using source = await ScriptedSource.start({
    services: [
      busyList((turn) => [versioned(service('web', webIp), webIp === '10.96.0.1' ? 5 : turn * 100)]),
    ],
    'services?watch': [watch()],
    endpointslices: [busyList((turn) => [versioned(slice('web-1', 'web', ['edge-1/10.1.0.1']), turn * 100)])],
    'endpointslices?watch': [watch()],
    nodes: [busyList((turn) => [beating('edge-1', turn), beating('edge-2', turn)])],
    'nodes?watch': [
      (response) =>
        void response.end(`${JSON.stringify({ type: 'MODIFIED', object: beating('edge-1', 9_999) })}\n`),
    ],
  })
  await using running = await RunningMetadata.start(source.url, { storeFile, relistIntervalMs: 1 })
  await eventually(() => expect(stored(storeFile)).toHaveLength(4))
  const before = stored(storeFile)
  const lists = source.asked('nodes')
  await eventually(() => expect(source.asked('nodes')).toBeGreaterThan(lists + 10))

  // What is noted before this is written before or with it.
  webIp = '10.96.0.9'
  await eventually(() =>
    expect(stored(storeFile).find(({ key }) => key === 'shop/web')?.value).toContain(webIp),
  )
  const others = ({ key }: Row): boolean => key !== 'shop/web'
  expect(stored(storeFile).filter(others)).toEqual(before.filter(others))
  expect(running.deps.metrics.value('edgeway_metadata_objects', { kind: 'nodes' })).toBe(2)
})

it('is not woken by a list that brought nothing new', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-quiet-'))
  await using store = OfflineStore.open(join(folder.path, 'edgeway.db'), new MemoryLogger())
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  store.noteListed('services', 1)
  expect(vi.getTimerCount()).toBe(1)
  await vi.runOnlyPendingTimersAsync()
  for (let revision = 2; revision < 100; revision++) store.noteListed('services', revision)
  expect(vi.getTimerCount()).toBe(0)
})

interface Row {
  readonly key: string
  readonly revision: number
  readonly value: string
}

function stored(file: string): Row[] {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return database.prepare('SELECT key, revision, value FROM objects ORDER BY key').all() as unknown as Row[]
  } finally {
    database.close()
  }
}
