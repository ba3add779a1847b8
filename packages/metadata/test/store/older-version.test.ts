import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { destinationRules } from '../../src/kinds.ts'
import { type DestinationRule, restoredDestinationRule } from '../../src/mappers/destination-rule-mapper.ts'
import { metadataMetrics } from '../../src/metrics.ts'
import { ReflectedObjects } from '../../src/reflector/reflected-objects.ts'
import { OfflineStore } from '../../src/store/offline-store.ts'

const KIND = 'destinationrules'

/** As version 2 of the store has it. */
function stored(balancing: unknown): DestinationRule {
  const rule = { namespace: 'shop', name: 'calm', host: 'web', service: 'shop/web', goesByName: true }
  const policy = {
    balancing,
    connectionPool: { maxConnections: 7 },
    outlierDetection: { consecutiveFailures: 3 },
  }
  return { ...rule, createdAt: '', policy, problems: [] } as unknown as DestinationRule
}

describe('a store of version 2', () => {
  it('is read on, with DestinationRules as they are today, and is of this version then', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-store-'))
    const file = join(folder.path, 'edgeway.db')
    const logger = new MemoryLogger()
    await using first = OfflineStore.open(file, logger)
    first.note(KIND, { key: 'shop/calm', uid: 'u1', revision: 5, value: stored('round-robin') })
    first.noteListed(KIND, 5)
    await first[Symbol.asyncDispose]()
    setVersion(file, 2)

    await using store = OfflineStore.open(file, logger)
    const rules: (DestinationRule | undefined)[] = []
    const objects = new ReflectedObjects(destinationRules('cluster.local'), {
      store,
      logger,
      metrics: metadataMetrics(new MemoryMetrics()),
      onChanges: (changes) => rules.push(...changes.map(({ value }) => value)),
    })
    objects.restore()

    expect(rules.map((rule) => rule?.policy)).toEqual([
      {
        balancing: { kind: 'round-robin' },
        connectionPool: { maxConnections: 7 },
        outlierDetection: { consecutiveFailures: 3 },
      },
    ])
    expect(versionOf(file)).toBe(3)
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([])
  })
})

describe('a stored DestinationRule', () => {
  it.each([
    ['random', { kind: 'random' }],
    ['source-ip-hash', { kind: 'source-ip-hash' }],
    ['something', undefined],
    [undefined, undefined],
    [
      { kind: 'header-hash', header: 'x' },
      { kind: 'header-hash', header: 'x' },
    ],
  ])('that is balanced by %j is by %j now', (before, now) => {
    expect(restoredDestinationRule(stored(before)).policy.balancing).toEqual(now)
  })
})

function setVersion(file: string, version: number): void {
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA user_version = ${version}`)
  database.close()
}

function versionOf(file: string): unknown {
  const database = new DatabaseSync(file, { readOnly: true })
  const row = database.prepare('PRAGMA user_version').get()
  database.close()
  return row?.['user_version']
}
