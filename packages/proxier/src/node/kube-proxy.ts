import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunCommand } from '../command/run-command.ts'

/** Whether some kube-proxy's rules are on this node, and by what it was recognised. */
export interface KubeProxyFinding {
  readonly found: boolean
  /** What was found where, for logs. */
  readonly evidence: string
}

export interface KubeProxyDeps {
  /** Runs in the network namespace that `root` shows. */
  readonly run: RunCommand
  /** Where `proc` and `sys` are; `/` unless given. */
  readonly root?: string
}

/** Made by kube-proxy in its iptables and IPVS modes, and by nobody else: the kubelet has other chains in this table. */
const CHAINS = /(?:^:|^\s*chain )(KUBE-SERVICES|KUBE-NODEPORTS)(?= )/

const LEGACY_TABLES = [
  { names: 'proc/net/ip_tables_names', command: 'iptables-legacy-save' },
  { names: 'proc/net/ip6_tables_names', command: 'ip6tables-legacy-save' },
] as const

/**
 * Looks for the rules of kube-proxy in each of its modes. A way that this node has no tool for finds nothing.
 * Changes nothing, and never rejects.
 */
export async function findKubeProxy({ run, root = '/' }: KubeProxyDeps): Promise<KubeProxyFinding> {
  const ways = [() => findIpvs(root), () => findNftables(run), () => findLegacy(run, root)]
  for (const way of ways) {
    const evidence = await way().catch(() => undefined)
    if (evidence !== undefined) return { found: true, evidence }
  }
  return { found: false, evidence: 'no table kube-proxy, no chain KUBE-SERVICES and no device kube-ipvs0' }
}

async function findIpvs(root: string): Promise<string> {
  await access(join(root, 'sys/class/net/kube-ipvs0'))
  return 'network device kube-ipvs0'
}

/** Its own table; or the chains of the nft flavour of iptables, which are in the tables that this lists. */
async function findNftables(run: RunCommand): Promise<string | undefined> {
  // Without the rules, of which there may be thousands.
  const { stdout } = await run(['nft', 'list', 'chains']).catch(() => ({ stdout: '' }))
  if (stdout !== '') return evidenceInChains(stdout)
  return (await chainInSave(run, 'iptables-nft-save')) ?? (await chainInSave(run, 'ip6tables-nft-save'))
}

function evidenceInChains(text: string): string | undefined {
  let table = ''
  for (const line of text.split('\n')) {
    table = /^table (.+) \{/.exec(line)?.[1] ?? table
    if (/^(ip|ip6|inet) kube-proxy$/.test(table)) return `nftables table ${table}`
    const chain = /^(ip|ip6) nat$/.test(table) ? CHAINS.exec(line)?.[1] : undefined
    if (chain !== undefined) return `chain ${chain} in nftables table ${table}`
  }
  return undefined
}

/** The legacy commands make the tables that they are asked for: only those are asked for that are there. */
async function findLegacy(run: RunCommand, root: string): Promise<string | undefined> {
  for (const { names, command } of LEGACY_TABLES) {
    const tables = await readFile(join(root, names), 'utf8').catch(() => '')
    if (!tables.split('\n').includes('nat')) continue
    const evidence = await chainInSave(run, command)
    if (evidence !== undefined) return evidence
  }
  return undefined
}

async function chainInSave(run: RunCommand, command: string): Promise<string | undefined> {
  const { stdout } = await run([command, '-t', 'nat']).catch(() => ({ stdout: '' }))
  const chain = stdout
    .split('\n')
    .map((line) => CHAINS.exec(line)?.[1])
    .find((name) => name !== undefined)
  return chain && `chain ${chain} by ${command} -t nat`
}
