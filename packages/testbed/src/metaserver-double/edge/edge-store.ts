import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { ApiObject } from '../../api-double/api-object.ts'
import { type Place, resourceText, storeKey, versionOf } from '../resource.ts'

/** KubeEdge's own table, and an index that only makes it quick. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS meta_v2(key TEXT PRIMARY KEY, group_version_resource TEXT, namespace TEXT,
                                   name TEXT, resource_version INTEGER, value TEXT);
CREATE INDEX IF NOT EXISTS meta_v2_resource ON meta_v2(group_version_resource);
`

/** What is kept of an edge node on disk: the table `meta_v2` of `edgecore.db`. */
export class EdgeStore implements Disposable {
  readonly #database: DatabaseSync
  readonly #statements: Readonly<
    Record<'put' | 'remove' | 'get' | 'list' | 'latest' | 'count', StatementSync>
  >

  /** @param file - `:memory:` for none */
  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    // A killed process loses nothing; a machine that loses power may, which no test of ours does.
    this.#database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; ${SCHEMA}`)
    const prepare = (sql: string): StatementSync => this.#database.prepare(sql)
    this.#statements = {
      put: prepare(`INSERT INTO meta_v2 VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET
        resource_version = excluded.resource_version, value = excluded.value`),
      remove: prepare('DELETE FROM meta_v2 WHERE key = ?'),
      get: prepare('SELECT value FROM meta_v2 WHERE key = ?'),
      list: prepare(`SELECT value FROM meta_v2 WHERE group_version_resource = ?1
        AND (?2 IS NULL OR namespace = ?2) AND (?3 IS NULL OR name = ?3) ORDER BY rowid`),
      latest: prepare('SELECT max(resource_version) AS latest FROM meta_v2'),
      count: prepare('SELECT count(*) AS count FROM meta_v2'),
    }
  }

  get size(): number {
    return Number(this.#statements.count.get()?.['count'] ?? 0)
  }

  /** The highest version of all rows; 0 when there is none. */
  get latestVersion(): number {
    return Number(this.#statements.latest.get()?.['latest'] ?? 0)
  }

  put(place: Place, object: ApiObject): void {
    const { namespace = '', name = '' } = place
    this.#statements.put.run(
      storeKey(place),
      resourceText(place),
      namespace,
      name,
      versionOf(object),
      JSON.stringify(object),
    )
  }

  remove(place: Place): void {
    this.#statements.remove.run(storeKey(place))
  }

  get(place: Place): ApiObject | undefined {
    const text = this.text(storeKey(place))
    return text === undefined ? undefined : JSON.parse(text)
  }

  /** In the order in which the rows were first written. */
  list(place: Place): ApiObject[] {
    const { namespace = null, name = null } = place
    const rows = this.#statements.list.all(resourceText(place), namespace, name)
    return rows.map(({ value }) => JSON.parse(String(value)))
  }

  /** What a path that is no resource answered last. */
  text(key: string): string | undefined {
    const value = this.#statements.get.get(key)?.['value']
    return value === undefined ? undefined : String(value)
  }

  putText(path: string, text: string): void {
    this.#statements.put.run(path, null, null, null, null, text)
  }

  wipe(): void {
    this.#database.exec('DELETE FROM meta_v2')
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close()
  }
}
