import { type IpFamily, ipFamilyOf } from '@edgeway/core'
import { FIELD_READERS, hasValue, type Packet, type PacketState, type Target } from './packet-fields.ts'
import type { Expression, Key, Statement } from './parse-rule.ts'
import { type BaseHook, type Hook, known, type Ruleset } from './ruleset.ts'
import type { Learnt, Trace, TracedNode } from './traced-node.ts'

/** Where a packet goes by the rules of a node: its hooks in the order of the kernel, as NAT treats a new connection. */
export function tracePacket(packet: Packet, node: TracedNode): Trace {
  return new Walk(packet, node).run()
}

/** `continue`: next statement; `break`: next rule; `end`: back to who jumped here; others are final. */
type Outcome = 'continue' | 'break' | 'end' | 'accept' | 'reset' | 'unreachable'

/** The kernel allows that many jumps in each other. */
const MAX_DEPTH = 16
const FOREIGN_NAT_PRIORITY = -100
/** What NAT decides in a hook; where nobody does, the kernel decides on no change. */
const NAT_HALVES: Readonly<Partial<Record<Hook, 'source' | 'destination'>>> = {
  prerouting: 'destination',
  output: 'destination',
  postrouting: 'source',
  input: 'source',
}

class Walk implements PacketState {
  readonly packet: Packet
  readonly family: IpFamily
  readonly node: TracedNode
  destination: Target
  hook: Hook
  /** Which halves of the translation are decided: the first decision of a connection stays. */
  readonly #decided = new Set<'source' | 'destination'>()
  readonly #learnt: Learnt[] = []
  #masqueraded = false
  #lookups = 0
  #depth = 0

  constructor(packet: Packet, node: TracedNode) {
    this.packet = packet
    this.family = ipFamilyOf(packet.destination.ip)
    this.node = node
    this.destination = packet.destination
    this.hook = packet.from === 'host' ? 'output' : 'prerouting'
  }

  get isAtNode(): boolean {
    return this.node.isLocal(this.destination.ip)
  }

  get isTranslated(): boolean {
    const { ip, port } = this.packet.destination
    return this.destination.ip !== ip || this.destination.port !== port
  }

  get isFromLoopback(): boolean {
    return this.packet.from === 'host' && (this.hook === 'prerouting' || this.hook === 'input')
  }

  run(): Trace {
    let verdict: Trace['verdict'] = 'accepted'
    for (let hook: Hook | undefined = this.hook; hook !== undefined; hook = this.#hookAfter(hook)) {
      this.hook = hook
      verdict = this.#walkHook(hook)
      if (verdict !== 'accepted') break
    }
    return {
      verdict,
      destination: this.destination,
      masqueraded: this.#masqueraded,
      learnt: this.#learnt,
      lookups: this.#lookups,
    }
  }

  #hookAfter(hook: Hook): Hook | undefined {
    if (hook === 'prerouting') return this.isAtNode ? 'input' : 'forward'
    if (hook === 'output' || hook === 'forward') return 'postrouting'
    return hook === 'postrouting' && this.packet.from === 'host' && this.isAtNode ? 'prerouting' : undefined
  }

  #walkHook(hook: Hook): Trace['verdict'] {
    const half = NAT_HALVES[hook]
    const stations: { base: BaseHook; run: () => Outcome }[] = [...this.#rules.chains].flatMap(
      ([name, { base }]) => (base?.hook === hook ? [{ base, run: () => this.#runChain(name) }] : []),
    )
    if (half === 'destination') {
      const base = { type: 'nat', hook, priority: FOREIGN_NAT_PRIORITY } as const
      stations.push({ base, run: () => this.#translateElsewhere() })
    }
    for (const { base, run } of stations.toSorted((a, b) => a.base.priority - b.base.priority)) {
      if (base.type === 'nat' && (half === undefined || this.#decided.has(half))) continue
      const outcome = run()
      if (outcome === 'reset' || outcome === 'unreachable') return outcome
    }
    if (half !== undefined) this.#decided.add(half)
    return 'accepted'
  }

  #translateElsewhere(): Outcome {
    this.destination = this.node.translateElsewhere(this.destination) ?? this.destination
    return 'accept'
  }

  /** An update of a loaded table adds chains at most, so the last state has those of all. */
  get #rules(): Ruleset {
    return this.node.rulesets.at(-1) ?? this.node.rulesets[0]
  }

  #runChain(name: string): Outcome {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw new Error(`too many jumps in each other, to ${name}`)
    const outcome = this.#runRules(known(this.#rules.chains, name).rules)
    this.#depth -= 1
    return outcome
  }

  #runRules(rules: readonly (readonly Statement[])[]): Outcome {
    for (const rule of rules) {
      const outcome = this.#runRule(rule)
      if (outcome !== 'continue' && outcome !== 'break') return outcome
    }
    return 'end'
  }

  #runRule(rule: readonly Statement[]): Outcome {
    for (const statement of rule) {
      const outcome = this.#execute(statement)
      if (outcome !== 'continue') return outcome
    }
    return 'continue'
  }

  #execute(statement: Statement): Outcome {
    switch (statement.kind) {
      case 'match':
        return this.#matches(statement) ? 'continue' : 'break'
      case 'member':
        return this.#lookUp(statement.set, statement.key) === undefined ? 'break' : 'continue'
      case 'vmap':
        return this.#follow(this.#lookUp(statement.map, statement.key))
      case 'dnat':
        return this.#translate(statement)
      case 'update':
        return this.#learn(statement)
      case 'masquerade':
        return this.#masquerade()
      case 'reject':
        return this.#reject(statement.answer)
      case 'return':
        return 'end'
      default:
        return this.#enter(statement.kind, statement.chain)
    }
  }

  #enter(how: 'jump' | 'goto', chain: string): Outcome {
    const outcome = this.#runChain(chain)
    return outcome === 'end' && how === 'jump' ? 'continue' : outcome
  }

  #follow(verdict: string | undefined): Outcome {
    if (verdict === undefined) return 'break'
    const [how, chain = ''] = verdict.split(' ')
    if (how !== 'jump' && how !== 'goto') throw new Error(`unknown verdict: ${verdict}`)
    return this.#enter(how, chain)
  }

  #matches({ field, value, isNegated }: Extract<Statement, { kind: 'match' }>): boolean {
    const found = FIELD_READERS[field](this)
    return found !== undefined && hasValue(found, value) !== isNegated
  }

  #translate({ family, to, map }: Extract<Statement, { kind: 'dnat' }>): Outcome {
    if (this.hook !== 'prerouting' && this.hook !== 'output') throw new Error(`dnat in ${this.hook}`)
    const text = map === undefined ? this.#read(to) : this.#lookUp(map, to)
    if (text === undefined || family !== IP_WORDS[this.family]) return 'break'
    const [ip = '', port] = text.split(' . ')
    this.destination = { ip, port: port === undefined ? this.destination.port : Number(port) }
    this.#decided.add('destination')
    return 'accept'
  }

  #masquerade(): Outcome {
    if (this.hook !== 'postrouting') throw new Error(`masquerade in ${this.hook}`)
    this.#masqueraded = true
    this.#decided.add('source')
    return 'accept'
  }

  #reject(answer: 'reset' | 'unreachable'): Outcome {
    if (answer === 'reset' && this.packet.protocol !== 'TCP') return 'break'
    return answer
  }

  #learn({ set, key, seconds, value }: Extract<Statement, { kind: 'update' }>): Outcome {
    if (!known(this.#rules.sets, set).isDynamic) throw new Error(`${set} can't learn`)
    const [keyText, valueText] = [this.#read(key), value === undefined ? '' : this.#read(value)]
    if (keyText === undefined || valueText === undefined) return 'break'
    this.#learnt.push({ set, key: keyText, value: valueText, seconds })
    return 'continue'
  }

  #lookUp(name: string, key: Key): string | undefined {
    const text = this.#read(key)
    if (text === undefined) return undefined
    if (known(this.#rules.sets, name).isDynamic) {
      const entries = [...this.node.remembered, ...this.#learnt]
      return entries.findLast((entry) => entry.set === name && entry.key === text)?.value
    }
    const past = this.node.splits.filter((split) => split <= this.#lookups).length
    this.#lookups += 1
    return known((this.node.rulesets[past] ?? this.#rules).sets, name).elements.get(text)
  }

  #read(key: Key): string | undefined {
    const parts = key.map((part) => this.#readPart(part))
    return parts.includes(undefined) ? undefined : parts.join(' . ')
  }

  #readPart(part: Expression): string | undefined {
    if (part.kind === 'numgen') return `${this.node.random(part.modulus)}`
    const value = FIELD_READERS[part.field](this)
    if (part.kind === 'field' || value === undefined) return value
    return `${this.node.hash(value, part.modulus)}`
  }
}

const IP_WORDS = { IPv4: 'ip', IPv6: 'ip6' } as const
