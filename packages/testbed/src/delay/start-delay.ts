import { fileURLToPath } from 'node:url'
import { LabError } from '../lab/errors.ts'
import type { LabHost } from '../lab/lab-host.ts'

const PROGRAM = fileURLToPath(new URL('./packet-delay.ts', import.meta.url))
const DEVICE = 'delay0'
/** Of the table that leads into the device; no host of a lab has it otherwise. */
const TABLE = '77'

/**
 * Makes everything that a router forwards from its LAN take that much longer: a round trip through it does, too. Its NAT,
 * if it has one, sees each packet once, when it comes back from the device. Disposal ends it.
 *
 * @throws {LabError} when the kernel refuses
 */
export async function startDelay(router: LabHost, milliseconds: number): Promise<AsyncDisposable> {
  const { bridge } = router.plan
  if (bridge === undefined) throw new LabError(`${router.name} has no LAN`)
  const running = router.spawn([process.execPath, PROGRAM, DEVICE, String(milliseconds)])
  await running.waitForOutput(/"ready":true/)
  const setUp = [
    `ip link set ${DEVICE} up`,
    `sysctl -qw net.ipv4.conf.${DEVICE}.rp_filter=0 net.ipv4.conf.all.rp_filter=0`,
    `ip route add default dev ${DEVICE} table ${TABLE}`,
    `nft 'add table ip ${DEVICE}'`,
    `nft 'add chain ip ${DEVICE} prerouting { type filter hook prerouting priority raw; }'`,
    `nft 'add rule ip ${DEVICE} prerouting iifname ${bridge.device} notrack'`,
    `ip rule add iif ${bridge.device} lookup ${TABLE}`,
  ]
  const { code, stderr } = await router.exec(['sh', '-ec', setUp.join('\n')])
  if (code !== 0) throw new LabError(`no delay on ${router.name}: ${stderr}`)
  return {
    [Symbol.asyncDispose]: async () => {
      await router.exec(['ip', 'rule', 'del', 'iif', bridge.device, 'lookup', TABLE])
      await router.exec(['nft', 'delete', 'table', 'ip', DEVICE])
      await running[Symbol.asyncDispose]()
    },
  }
}
