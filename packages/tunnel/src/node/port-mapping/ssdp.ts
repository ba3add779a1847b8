import { once } from 'node:events'
import { firstAnswer } from './datagrams.ts'
import type { Gateway } from './port-mapper.ts'

const GROUP = '239.255.255.250'
const PORT = 1900
/** Devices of version 2 answer, too. @see UPnP Device Architecture 1.1, section 1.3.2 */
const TARGET = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1'
/** Datagrams get lost; answers come within MX seconds. */
const SEARCH_AT_MS = [0, 500, 1_500]
const MX_SECONDS = 1
const WAIT_MS = 3_000
const MAX_URL_LENGTH = 300

const SEARCH = Buffer.from(
  [
    'M-SEARCH * HTTP/1.1',
    `HOST: ${GROUP}:${PORT}`,
    'MAN: "ssdp:discover"',
    `MX: ${MX_SECONDS}`,
    `ST: ${TARGET}`,
    '',
    '',
  ].join('\r\n'),
)

/**
 * Where the gateway describes itself, by UPnP. Only what comes from the gateway counts, and only what leads to it:
 * another host of the LAN can't make this node call anything.
 *
 * @param localAddress - of this host on the gateway's LAN
 * @throws the signal's reason, when it aborts
 */
export async function findDescription(
  gateway: Gateway,
  localAddress: string,
  signal: AbortSignal,
): Promise<URL | undefined> {
  return await firstAnswer(
    {
      parse: (message, { address }) =>
        address === gateway.ip ? parseLocation(message.toString('latin1'), gateway) : undefined,
      signal,
    },
    {
      ...{ sendAtMs: SEARCH_AT_MS, endAtMs: WAIT_MS },
      send: (socket) => socket.send(SEARCH, PORT, GROUP, () => undefined),
      open: async (socket) => {
        socket.bind(0, localAddress)
        await once(socket, 'listening')
        socket.setMulticastInterface(localAddress)
      },
    },
  )
}

/** The header LOCATION of an answer about a gateway, if that is an URL of the gateway's own. */
export function parseLocation(answer: string, gateway: Gateway): URL | undefined {
  const [status = '', ...headers] = answer.split(/\r?\n/, 50)
  if (!/^HTTP\/1\.[01] 200\b/.test(status)) return undefined
  const location = headers.find((line) => /^location:/i.test(line))?.slice('location:'.length)
  return ownUrl(location ?? '', gateway)
}

/** `undefined` for what is no plain HTTP to that host. */
export function ownUrl(text: string, gateway: Gateway, base?: string): URL | undefined {
  if (text.length > MAX_URL_LENGTH || text.trim() === '') return undefined
  const url = URL.parse(text.trim(), base)
  return url?.protocol === 'http:' && url.hostname === gateway.ip ? url : undefined
}
