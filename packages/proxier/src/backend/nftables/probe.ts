import { IP_FAMILIES, type IpFamily } from '@edgeway/core'
import type { KernelBalance, KernelSlot, Rule } from '../../model/rule.ts'
import { affinitySeconds, elementsOf } from './elements.ts'
import { ALL_FEATURES, type Features, type LayoutOptions, NFT_TABLE } from './layout.ts'
import type { InProcessNft } from './libnftables.ts'
import type { Nft } from './nft.ts'
import { type Contents, renderReplacement } from './scripts.ts'

/** What was found, or why nothing works. */
export type FoundFeatures = { readonly features: Features } | { readonly reason: string }

/** Most first. `client-ip` needs the others: random for the first choice, the hash for IPv6. */
const BALANCES: readonly (readonly KernelBalance['kind'][])[] = [
  ALL_FEATURES.balances,
  ['random', 'source-ip-hash'],
  ['random'],
  ['source-ip-hash'],
  [],
]

/** Most first. A kernel may have been built without IPv6. */
const FAMILIES: readonly (readonly IpFamily[])[] = [IP_FAMILIES, ['IPv4']]

/** Tries the real rules with an element of each kind, then with ever less of what nodes may lack. */
export async function findFeatures(
  nft: Nft,
  options: Omit<LayoutOptions, 'features'>,
): Promise<FoundFeatures> {
  let reason = ''
  for (const families of FAMILIES) {
    for (const balances of BALANCES) {
      const features = { families, balances }
      const refusal = await refusalOf(nft, { ...options, features })
      if (refusal === undefined) return { features }
      reason = refusal
    }
  }
  return { reason }
}

/** Whether a table can be had that goes with this process. */
export async function canOwnTable(open: () => Promise<InProcessNft | undefined>): Promise<boolean> {
  const nft = await open()
  if (nft === undefined) return false
  try {
    // A name of its own: a plain table can't be given an owner.
    await nft.check(`table ${NFT_TABLE}-probe { flags owner; }\n`)
    return true
  } catch {
    // A kernel before 5.12, or no capability; without the latter nothing else works either.
    return false
  } finally {
    nft.close()
  }
}

/** @returns `undefined` when the kernel would take the rules, else why not */
async function refusalOf(nft: Nft, options: LayoutOptions): Promise<string | undefined> {
  const replacement = renderReplacement(
    contentsOf(sampleRules(options.features), options.features),
    options,
    true,
  )
  try {
    // Naming it first makes a missing table no error.
    await nft.check(`table ${NFT_TABLE}\n${replacement}`)
    // A build of nft without JSON can load rules but not verify them.
    await nft.list('tables')
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export function contentsOf(rules: Iterable<Rule>, features: Features): Contents {
  const all = [...rules]
  const seconds = all.map(affinitySeconds).filter((timeout) => timeout !== undefined)
  return { elements: elementsOf(all, features), affinitySeconds: new Set(seconds) }
}

/** Addresses are those reserved for documentation. */
function sampleRules({ families, balances }: Features): Rule[] {
  return families.flatMap((family) => {
    const listener = { ip: family === 'IPv4' ? '192.0.2.1' : '2001:db8::1', port: 1 }
    const slot: KernelSlot = { ...listener, weight: 1, path: 'local', masquerade: true }
    const at = (port: number): Rule['match'][] => [
      { kind: 'address', ip: listener.ip, protocol: 'TCP', port },
      { kind: 'node-port', family, protocol: 'UDP', port },
    ]
    return [
      ...at(1).map((match): Rule => ({ mode: 'AGENT', match, listener })),
      ...at(2).map((match): Rule => ({ mode: 'REJECT', match })),
      ...balances.flatMap((kind, i) => {
        const balance: KernelBalance = kind === 'client-ip' ? { kind, timeoutSeconds: 1 } : { kind }
        return at(3 + i).map(
          (match): Rule => ({ mode: 'KERNEL', match, balance, slots: [slot], loopback: listener }),
        )
      }),
    ]
  })
}
