import {
  FAMILY_WORDS,
  type FamilyWords,
  L4_PROTOCOLS,
  type LayoutOptions,
  layoutName,
  type NftChain,
} from './layout.ts'
import { HASH_SIZES, RANDOM_SIZES } from './slot-table.ts'

/**
 * All chains of the table but those that learn. They never change with the Services.
 *
 * NAT comes before kube-proxy's (priority -100), since the first NAT decision of a hook wins. Priorities are numbers,
 * as nft 1.0.6 knows `dstnat` in no output hook. No rule has a set of its own (`{ tcp, udp }`): it would come and go
 * with the rule, under packets on their way.
 */
export function chainsOf(options: LayoutOptions): readonly NftChain[] {
  const words = options.features.families.map((family) => FAMILY_WORDS[family])
  const hasKernel = options.features.balances.length > 0
  const chains = [
    ...serviceChains(words, hasKernel),
    ...refusalChains(words),
    ...(hasKernel ? [...balanceChains(words, options), ...postroutingChains(words, options)] : []),
    ...baseChains(options.groupId),
  ]
  return [...chains, { name: layoutName(options, chains), rules: [] }]
}

const PORT = 'meta l4proto . th dport'

/**
 * What is refused is first translated to itself: else kube-proxy would translate it, and the pod would not know the
 * sender of the reset.
 */
function serviceChains(words: readonly FamilyWords[], hasKernel: boolean): NftChain[] {
  const each = (rule: (family: FamilyWords) => string): string[] => words.map(rule)
  const kernel = (rule: (family: FamilyWords) => string): string[] => (hasKernel ? words.map(rule) : [])
  const refusedPorts = each(
    (f) => `meta nfproto ${f.nfproto} ${PORT} @port-reject${f.suffix} dnat ${f.ip} to ${f.ip} daddr`,
  )
  return [
    {
      name: 'services',
      rules: [
        ...each(({ suffix, ip }) => `dnat ${ip} to ${ip} daddr . ${PORT} map @agent${suffix}`),
        ...kernel(({ suffix, ip }) => `${ip} daddr . ${PORT} vmap @kernel${suffix}`),
        ...each(({ suffix, ip }) => `${ip} daddr . ${PORT} @reject${suffix} dnat ${ip} to ${ip} daddr`),
        'fib daddr type local goto node-ports',
      ],
    },
    {
      name: 'node-ports',
      rules: [
        ...each((f) => `meta nfproto ${f.nfproto} dnat ${f.ip} to ${PORT} map @port-agent${f.suffix}`),
        ...kernel(({ ip, loopback }) => `${ip} daddr ${loopback} goto loopback-ports`),
        ...kernel((f) => `meta nfproto ${f.nfproto} ${PORT} vmap @port-kernel${f.suffix}`),
        ...refusedPorts,
      ],
    },
    {
      name: 'loopback-ports',
      rules: [
        ...kernel((f) => `meta nfproto ${f.nfproto} dnat ${f.ip} to ${PORT} map @port-loopback${f.suffix}`),
        ...refusedPorts,
      ],
    },
  ]
}

/** One rule in prerouting would do too, but needs Linux 5.9. */
function refusalChains(words: readonly FamilyWords[]): NftChain[] {
  return [
    {
      name: 'refusals',
      rules: [
        ...words.map(({ suffix, ip }) => `${ip} daddr . ${PORT} @reject${suffix} goto refuse`),
        'fib daddr type local goto port-refusals',
      ],
    },
    {
      name: 'port-refusals',
      rules: words.map((f) => `meta nfproto ${f.nfproto} ${PORT} @port-reject${f.suffix} goto refuse`),
    },
    {
      name: 'refuse',
      rules: ['meta l4proto tcp reject with tcp reset', 'reject with icmpx port-unreachable'],
    },
  ]
}

/** One chain per size of a slot table, shared by all Services that have one of that size. */
function balanceChains(words: readonly FamilyWords[], { features: { balances } }: LayoutOptions): NftChain[] {
  const random = balances.includes('random') ? RANDOM_SIZES : []
  const clientIp = balances.includes('client-ip') ? RANDOM_SIZES : []
  const hash = balances.includes('source-ip-hash') ? HASH_SIZES : []
  return [
    { name: 'note-node', rules: words.map(noteNode) },
    ...random.flatMap((size) => pair(words, `random-${size}`, () => `numgen random mod ${size}`)),
    ...clientIp.flatMap(clientIpPair),
    ...hash.flatMap((size) =>
      pair(words, `source-ip-hash-${size}`, ({ ip }) => `jhash ${ip} saddr mod ${size} seed ${HASH_SEED}`),
    ),
  ]
}

/** Fixed, so that a client keeps its endpoint when the rules are loaded again. */
const HASH_SEED = '0x65646765'

/** Remembers an address as one of this node for as long as its packet needs to postrouting, where nothing tells. */
function noteNode({ suffix, ip }: FamilyWords): string {
  return `update @node${suffix} { ${ip} daddr timeout 60s }`
}

function pair(
  words: readonly FamilyWords[],
  name: string,
  place: (family: FamilyWords) => string,
): NftChain[] {
  const rules = (rule: (family: FamilyWords, protocol: string) => string): string[] =>
    words.flatMap((family) => L4_PROTOCOLS.map((protocol) => rule(family, protocol)))
  return [
    {
      name,
      rules: rules(
        (f, protocol) =>
          `dnat ${f.ip} to ${f.ip} daddr . ${PORT} . ${place(f)} map @slots${f.suffix}-${protocol}`,
      ),
    },
    {
      name: `port-${name}`,
      rules: [
        'jump note-node',
        ...rules(
          (f, protocol) =>
            `meta nfproto ${f.nfproto} dnat ${f.ip} to ${PORT} . ${place(f)} map @port-slots${f.suffix}-${protocol}`,
        ),
      ],
    },
  ]
}

function clientIpPair(size: number): NftChain[] {
  return [
    {
      name: `client-ip-${size}`,
      rules: [`dnat ip to ip saddr . ip daddr . ${PORT} map @affinity4`, `goto random-${size}`],
    },
    {
      name: `port-client-ip-${size}`,
      rules: [
        'jump note-node',
        `dnat ip to ip saddr . ${PORT} map @port-affinity4`,
        `goto port-random-${size}`,
      ],
    },
  ]
}

/** Learns before masquerading changes the source, in one chain. */
function postroutingChains(
  words: readonly FamilyWords[],
  { features: { balances } }: LayoutOptions,
): NftChain[] {
  const learnRules = balances.includes('client-ip') ? L4_PROTOCOLS.flatMap(learnRulesFor) : []
  return [
    { name: 'learn', rules: learnRules },
    {
      name: 'translated',
      rules: ['jump learn', ...words.map(hairpinRule), ...words.flatMap(masqueradeRules)],
    },
    {
      name: 'nat-postrouting',
      hook: 'type nat hook postrouting priority 95; policy accept;',
      rules: ['ct status dnat goto translated'],
    },
    {
      name: 'nat-input',
      hook: 'type nat hook input priority 95; policy accept;',
      rules: ['ct status dnat goto learn'],
    },
  ]
}

function learnRulesFor(protocol: string): string[] {
  const original = 'meta l4proto . ct original proto-dst'
  return [
    `meta l4proto ${protocol} ct original ip daddr . ${original} vmap @sticky4`,
    `meta l4proto ${protocol} ct original ip daddr @node4 ${original} vmap @port-sticky4`,
  ]
}

function hairpinRule({ suffix, ip }: FamilyWords): string {
  return `${ip} saddr . ${ip} daddr @hairpin${suffix} masquerade`
}

function masqueradeRules({ suffix, ip }: FamilyWords): string[] {
  return L4_PROTOCOLS.flatMap((protocol) => {
    const pairing = `meta l4proto . ct original proto-dst . ${ip} daddr . ${protocol} dport`
    const daddr = `ct original ${ip} daddr`
    return [
      `meta l4proto ${protocol} ${daddr} . ${pairing} @masquerade${suffix} masquerade`,
      `meta l4proto ${protocol} ${daddr} @node${suffix} ${pairing} @port-masquerade${suffix} masquerade`,
    ]
  })
}

/** The chain that a connection to a Match with `client-ip` is learnt in; there are as many as different timeouts. */
export function learnChain(timeoutSeconds: number): string {
  return `learn-${timeoutSeconds}`
}

export const LEARN_CHAIN = /^(?:port-)?learn-(\d+)$/

/** @returns the chains that learn for so long, for addresses and for node ports */
export function learnChainsOf(timeoutSeconds: number): readonly NftChain[] {
  const rule = (protocol: string, name: string, key: string): string =>
    `meta l4proto ${protocol} update @${name} { ct original ip saddr . ${key}meta l4proto . ct original proto-dst ` +
    `timeout ${timeoutSeconds}s : ip daddr . ${protocol} dport }`
  const name = learnChain(timeoutSeconds)
  return [
    { name, rules: L4_PROTOCOLS.map((protocol) => rule(protocol, 'affinity4', 'ct original ip daddr . ')) },
    { name: `port-${name}`, rules: L4_PROTOCOLS.map((protocol) => rule(protocol, 'port-affinity4', '')) },
  ]
}

/**
 * The group of the agent is exempt where a packet still has a socket: in output, so what comes by the loopback device
 * has been judged there. Only new connections are refused, and none that was translated to somewhere else.
 *
 * Services are looked up twice: each lookup sees the elements of its own moment, so a packet that is on its way while a
 * transaction takes effect may miss the Service in the map it has left as in the one it has come to. The second time it
 * sees only the new state.
 */
function baseChains(groupId: number): NftChain[] {
  const exempt = `meta skgid ${groupId} return`
  const services = ['jump services', 'jump services']
  const refuse = 'ct state new ct status & dnat == 0 jump refusals'
  const nat = (hook: string): string => `type nat hook ${hook} priority -105; policy accept;`
  const filter = (hook: string): string => `type filter hook ${hook} priority -5; policy accept;`
  return [
    { name: 'nat-prerouting', hook: nat('prerouting'), rules: [...services] },
    { name: 'nat-output', hook: nat('output'), rules: [exempt, ...services] },
    { name: 'filter-forward', hook: filter('forward'), rules: [refuse] },
    { name: 'filter-input', hook: filter('input'), rules: ['iifname lo return', refuse] },
    { name: 'filter-output', hook: filter('output'), rules: [exempt, refuse] },
  ]
}
