import type { NodeName } from '@edgeway/core'
import { peerIdFromString } from '@libp2p/peer-id'
import { MembersFileError, ProtocolError } from '../errors.ts'
import {
  arrayField,
  asObject,
  integerField,
  type JsonObject,
  parseJsonObject,
  textField,
} from '../protocol/json.ts'
import { MAX_MEMBERS, nodeField } from '../protocol/registry.ts'
import type { StoredValue } from '../state/stored-value.ts'

/** A node that was let in once; its key alone may speak for it from then on. */
export interface Member {
  readonly node: NodeName
  readonly peerId: string
  /** ISO 8601. */
  readonly since: string
}

const VERSION = 1

/** Who was admitted, in memory and stored: a restarted server knows its members. */
export class MemberStore {
  readonly #stored: StoredValue
  readonly #byNode = new Map<NodeName, Member>()
  readonly #byPeerId = new Map<string, Member>()
  #saving: Promise<void> = Promise.resolve()
  #saveQueued = false

  private constructor(stored: StoredValue) {
    this.#stored = stored
  }

  /** @throws {MembersFileError} when something is stored that can't be read as a list of members */
  static async load(stored: StoredValue): Promise<MemberStore> {
    const store = new MemberStore(stored)
    const bytes = await stored.read()
    if (bytes === undefined) return store
    try {
      for (const member of decodeMembers(bytes)) store.#index(member)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      const advice = 'restore it from a backup, or delete it (each node then joins again with the join token)'
      throw new MembersFileError(`the list of members in ${stored.place} is broken: ${advice}`, {
        cause: error,
      })
    }
    return store
  }

  get size(): number {
    return this.#byNode.size
  }

  all(): Iterable<Member> {
    return this.#byNode.values()
  }

  byNode(node: NodeName): Member | undefined {
    return this.#byNode.get(node)
  }

  byPeerId(peerId: string): Member | undefined {
    return this.#byPeerId.get(peerId)
  }

  /** Takes effect at once; replaces whoever held that node name, and that key's former name. */
  add(member: Member): void {
    const before = this.#byNode.get(member.node)
    if (before !== undefined) this.#byPeerId.delete(before.peerId)
    const former = this.#byPeerId.get(member.peerId)
    if (former !== undefined) this.#byNode.delete(former.node)
    this.#index(member)
  }

  /** Resolves once all that was added before is stored. Calls that overlap share one write. */
  async save(): Promise<void> {
    if (!this.#saveQueued) {
      this.#saveQueued = true
      this.#saving = this.#saving.then(
        () => this.#write(),
        () => this.#write(),
      )
    }
    await this.#saving
  }

  /** Resolves once no write is under way; never rejects. */
  async idle(): Promise<void> {
    await this.#saving.catch(() => 'told by `save`')
  }

  async #write(): Promise<void> {
    this.#saveQueued = false
    const text = JSON.stringify({ version: VERSION, members: [...this.#byNode.values()] }, undefined, 2)
    await this.#stored.write(`${text}\n`)
  }

  #index(member: Member): void {
    this.#byNode.set(member.node, member)
    this.#byPeerId.set(member.peerId, member)
  }
}

function decodeMembers(bytes: Uint8Array): Member[] {
  const object = parseJsonObject(bytes)
  if (integerField(object, 'version', 1_000_000) !== VERSION) throw new ProtocolError('unknown version')
  return arrayField(object, 'members', MAX_MEMBERS).map((member) => memberOf(asObject(member, 'member')))
}

function memberOf(object: JsonObject): Member {
  return { node: nodeField(object), peerId: peerIdField(object), since: textField(object, 'since', 40) }
}

function peerIdField(object: JsonObject): string {
  const text = textField(object, 'peerId', 100)
  try {
    return peerIdFromString(text).toString()
  } catch (error) {
    throw new ProtocolError(`"${text}" is no PeerId`, { cause: error })
  }
}
