import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { LabError } from './errors.ts'
import { createRecord, deleteRecord, type LabRecord, logFolderOf, writeRecord } from './lab-record.ts'
import { killProcessesIn, NETNS_FOLDER, type ProcessScope } from './namespace-processes.ts'
import { onExit } from './on-exit.ts'
import { thisProcess } from './process-identity.ts'

/** Files in `<folder>/<namespace>/` are laid over /etc for commands in that namespace, see ip-netns(8). */
export const NETNS_ETC_FOLDER = '/etc/netns'

/**
 * Namespaces that this process owns, on record before they are made: whatever ends the process, they are removed,
 * either by itself or, after a SIGKILL, by the next one that looks.
 */
export class LabClaim {
  readonly logFolder: string
  #record: LabRecord
  readonly #exit: Disposable

  private constructor(record: LabRecord) {
    this.#record = record
    this.logFolder = logFolderOf(record.id)
    this.#exit = onExit(() => removeRecorded(this.#record))
  }

  /** @throws {LabError} when the id is taken */
  static make(id: string, namespaces: readonly string[]): LabClaim {
    const record = { id, createdAt: new Date().toISOString(), owner: thisProcess(), kept: false, namespaces }
    // Whoever finds the record may end this process by a signal at once.
    const claim = new LabClaim(record)
    try {
      createRecord(record)
    } catch (error) {
      claim.#exit[Symbol.dispose]()
      throw error
    }
    return claim
  }

  /** Claims one more namespace, before it is made. */
  add(namespace: string): void {
    this.#change({ namespaces: [...this.#record.namespaces, namespace] })
  }

  /** Removes one namespace with all that belongs to it. */
  remove(namespace: string): void {
    removeNamespaces({ namespaces: [namespace] })
    this.#change({ namespaces: this.#record.namespaces.filter((name) => name !== namespace) })
  }

  /** Leaves everything as it is when this process ends. */
  keep(): void {
    this.#change({ kept: true })
    this.#exit[Symbol.dispose]()
  }

  /** Removes everything that was claimed, and the claim. May be called twice. */
  release(): void {
    this.#exit[Symbol.dispose]()
    removeRecorded(this.#record)
  }

  #change(change: Partial<LabRecord>): void {
    this.#record = { ...this.#record, ...change }
    writeRecord(this.#record)
  }
}

/**
 * Removes a recorded lab: processes, namespaces, their files in /etc/netns, and the record last of all.
 *
 * @throws {Error} when something can't be removed; it stays on record then
 */
export function removeRecorded({ id, namespaces }: LabRecord): void {
  removeNamespaces({ namespaces, lab: id })
  deleteRecord(id)
}

/** Synchronous, since it must also run when the process exits. What is not there is no error. */
function removeNamespaces(scope: ProcessScope): void {
  // What builds a lab goes first, so that nothing is made any more while it is taken away.
  killProcessesIn(scope)
  const present = (): string[] => scope.namespaces.filter((name) => existsSync(`${NETNS_FOLDER}/${name}`))
  const input = present().map((name) => `netns delete ${name}\n`)
  const { stderr } =
    input.length === 0
      ? { stderr: '' }
      : spawnSync('ip', ['-force', '-batch', '-'], { input: input.join(''), encoding: 'utf8' })
  if (present().length > 0) throw new LabError(`can't remove namespaces ${present().join(', ')}: ${stderr}`)
  for (const name of scope.namespaces) rmSync(`${NETNS_ETC_FOLDER}/${name}`, { recursive: true, force: true })
}
