import { LabError } from './errors.ts'
import { type CommandResult, runCommand } from './run-command.ts'

const TOOLS = [
  { command: ['ip', '-Version'], debianPackage: 'iproute2' },
  { command: ['tc', '-Version'], debianPackage: 'iproute2' },
  { command: ['nft', '--version'], debianPackage: 'nftables' },
  { command: ['conntrack', '--version'], debianPackage: 'conntrack' },
  { command: ['dnsmasq', '--version'], debianPackage: 'dnsmasq-base' },
] as const

/** Tried in a network namespace of their own, so that nothing is left of them. */
const KERNEL_FEATURES = [
  { feature: 'bridge devices', command: 'ip link add b0 type bridge' },
  { feature: 'veth devices', command: 'ip link add v0 type veth peer name v1' },
  {
    feature: 'rate limits (sch_tbf)',
    command: 'tc qdisc add dev lo root tbf rate 1mbit burst 16kb latency 50ms',
  },
  {
    feature: 'masquerading by nftables (nft_masq)',
    command:
      'nft "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; add rule ip t c masquerade"',
  },
  {
    feature: 'NAT kinds by nftables (nft_reject_ipv4, nft_ct, maps that rules fill)',
    command:
      'nft "add table ip k; add map ip k m { type inet_service : ipv4_addr; flags dynamic,timeout; }; add chain ip k o; add rule ip k o update @m { tcp sport timeout 1m : ct original ip saddr }; add rule ip k o reject with tcp reset"',
  },
  {
    feature: 'packet loss by nftables (nft_numgen, netdev ingress and egress)',
    command:
      'nft "add table netdev l; add chain netdev l i { type filter hook ingress device lo priority 0; }; add chain netdev l e { type filter hook egress device lo priority 0; }; add rule netdev l e numgen random mod 100 < 20 drop"',
  },
  {
    feature: 'wide-area links (tun, nft_fwd_netdev)',
    command:
      'ip tuntap add dev t0 mode tap && nft "add table netdev f; add chain netdev f i { type filter hook ingress device lo priority 0; }; add rule netdev f i fwd to t0"',
  },
  { feature: 'connection tracking from user space (nf_conntrack_netlink)', command: 'conntrack -F' },
] as const

/**
 * Says what this machine lacks for a lab, one sentence each with its remedy; empty when nothing is missing. Changes
 * nothing.
 */
export async function missingLabRequirements(): Promise<string[]> {
  if (process.getuid?.() !== 0) return ['root: network namespaces are made as root; run it with sudo']
  const tools = await Promise.all(TOOLS.map(missingTool))
  const missing = tools.filter((sentence) => sentence !== undefined)
  return missing.length > 0 ? missing : missingKernelFeatures()
}

async function missingTool({ command, debianPackage }: (typeof TOOLS)[number]): Promise<string | undefined> {
  const [tool] = command
  const found = await attempt(command)
  return found === undefined ? `${tool}: not found; apt-get install ${debianPackage}` : undefined
}

async function missingKernelFeatures(): Promise<string[]> {
  const unshared = await attempt(['unshare', '--net', 'true'])
  if (unshared?.code !== 0)
    return [`network namespaces: the kernel or a container's limits forbid them${reason(unshared)}`]
  const script = KERNEL_FEATURES.map(({ command }, index) => `(${command}) 2>&1 || echo missing ${index}`)
  const tried = await attempt(['unshare', '--net', 'sh', '-c', script.join('\n')])
  return KERNEL_FEATURES.filter((_, index) => tried?.stdout.includes(`missing ${index}\n`)).map(
    ({ feature }) => `${feature}: this kernel has none; load the module or take Debian's kernel`,
  )
}

/** `undefined` when there is no such command. */
async function attempt(command: readonly string[]): Promise<CommandResult | undefined> {
  try {
    return await runCommand(command)
  } catch (error) {
    if (error instanceof LabError) return undefined
    throw error
  }
}

function reason(result: CommandResult | undefined): string {
  return result === undefined || result.stderr === '' ? '' : ` (${result.stderr.trim()})`
}
