import { CLIENT_NODE, nodeOf, type PathSpec, SERVER_NODE } from './path-scene.ts'

const SERVER_ADDRESS = '192.168.1.20'

/** Both nodes on the LAN of one site. */
export const ONE_LAN: PathSpec = {
  path: 'lan',
  sites: [
    {
      name: 'site',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [nodeOf(CLIENT_NODE, '192.168.1.10'), nodeOf(SERVER_NODE, SERVER_ADDRESS)],
    },
  ],
  openDirect: async () => SERVER_ADDRESS,
}
