import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { SetupError, searchPath } from './steps.mjs'

/** Each is tried in one network namespace of their own, which is gone afterwards. */
const FEATURES = [
  { feature: 'bridge devices (module bridge)', script: 'ip link add b0 type bridge' },
  { feature: 'veth devices (module veth)', script: 'ip link add v0 type veth peer name v1' },
  {
    feature: 'rate limits (module sch_tbf)',
    script: 'tc qdisc add dev lo root tbf rate 1mbit burst 16kb latency 50ms',
  },
  {
    feature: 'nftables with NAT (modules nf_tables, nft_chain_nat, nft_masq)',
    script:
      'nft "add table inet t; add chain inet t c { type nat hook postrouting priority 100; }; add rule inet t c masquerade"',
  },
  {
    feature: 'nftables with NAT kinds (modules nft_reject_ipv4, nft_ct; maps that rules fill)',
    script:
      'nft "add table ip k; ' +
      'add map ip k m { type inet_service : ipv4_addr; flags dynamic,timeout; }; ' +
      'add chain ip k o; ' +
      'add rule ip k o update @m { tcp sport timeout 1m : ct original ip saddr }; ' +
      'add rule ip k o reject with tcp reset"',
  },
  {
    feature: 'packet loss by nftables (modules nf_tables, nft_numgen; hooks ingress and egress of netdev)',
    script:
      'nft "add table netdev t; ' +
      'add chain netdev t i { type filter hook ingress device lo priority 0; }; ' +
      'add chain netdev t e { type filter hook egress device lo priority 0; }; ' +
      'add rule netdev t e numgen random mod 100 < 20 drop"',
  },
  {
    feature: 'wide-area links (modules tun, nft_fwd_netdev; /dev/net/tun)',
    script:
      'ip tuntap add dev t0 mode tap && nft "add table netdev f; ' +
      'add chain netdev f i { type filter hook ingress device lo priority 0; }; ' +
      'add rule netdev f i fwd to t0"',
  },
  {
    feature: 'connection tracking from user space (module nf_conntrack_netlink)',
    script: 'conntrack -F',
  },
  {
    feature: 'sysctls of a network namespace (/proc/sys/net must be writable)',
    script: 'echo 1 > /proc/sys/net/ipv4/ip_forward',
  },
]

/**
 * Tries what the lab needs of the kernel.
 *
 * @throws {SetupError} saying what it lacks and how to get it
 */
export function checkKernel() {
  // Unquoted, so that a reason of several lines becomes one; its stars are no file names.
  const tries = FEATURES.map(({ script }, index) => `reason=$( (${script}) 2>&1 ) || echo ${index} $reason`)
  // Mounts are private then, too, as `ip netns exec` has them.
  const { status, stdout, stderr, error } = spawnSync(
    'unshare',
    ['--net', '--mount', 'sh', '-fc', tries.join('\n')],
    { encoding: 'utf8', env: { ...process.env, PATH: searchPath().join(delimiter) } },
  )
  if (error !== undefined)
    throw new SetupError(`unshare, of Debian's package util-linux, can't be run: ${error.message}`)
  if (status !== 0)
    throw new SetupError(
      `the kernel or this container forbids network namespaces: ${stderr.trim()}\n` +
        'Use a machine of your own, or a privileged container.',
    )
  const lacking = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [index, ...reason] = line.split(' ')
      return `  ${FEATURES[Number(index)].feature}: ${reason.join(' ')}`
    })
  if (lacking.length > 0)
    throw new SetupError(
      `the kernel lacks what the lab needs, or this container forbids it:\n${lacking.join('\n')}\n` +
        "Load the modules with modprobe, or use a machine with Debian's kernel or a privileged container.",
    )
}
