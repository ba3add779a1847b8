import { PORTS } from '../peers/servers.ts'
import { mustExec } from '../probes/must-exec.ts'
import { CLIENT_NODE, nodeOf, type PathSpec, SERVER_NODE } from './path-scene.ts'

const FAR_SITE = 'far-site'
const SERVER_ADDRESS = '192.168.2.10'

/** Each node behind a NAT of its own that keeps strangers out; the references come in by a port forward. */
export const TWO_SITES: PathSpec = {
  path: 'punched',
  sites: [
    {
      name: 'near-site',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [nodeOf(CLIENT_NODE, '192.168.1.10')],
    },
    {
      name: FAR_SITE,
      nat: 'endpoint-independent',
      subnet: '192.168.2.0/24',
      nodes: [nodeOf(SERVER_NODE, SERVER_ADDRESS)],
    },
  ],
  async openDirect(lab) {
    const router = lab.router(FAR_SITE)
    const ports = Object.values(PORTS).join(', ')
    const rules = `
table ip bench {
  chain prerouting {
    type nat hook prerouting priority -101;
    ip daddr ${router.address} tcp dport { ${ports} } dnat to ${SERVER_ADDRESS};
  }
}`
    await mustExec(router, ['nft', rules])
    return router.address
  },
}
