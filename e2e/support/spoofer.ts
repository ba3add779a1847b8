/**
 * A host of the LAN that announces itself under the PeerId of somebody else, by multicast DNS, and takes connections with a key
 * of its own; writes a line for each announcement, and for each flow that it is offered.
 *
 *     spoofer.ts PEER-ID CLUSTER-ID ADDRESS      its own IPv4 address
 */
import { createSocket } from 'node:dgram'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import dnsPacket from 'dns-packet'
import { createLibp2p } from 'libp2p'

const FLOW_PROTOCOL = '/edgeway/flow/1.0.0'
const PORT = 20_008
const PAUSE_MS = 500

const [peerId = '', cluster = '', address = ''] = process.argv.slice(2)
const node = await createLibp2p({
  addresses: { listen: [`/ip4/0.0.0.0/tcp/${PORT}`] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
})
await node.handle(FLOW_PROTOCOL, () => void process.stdout.write('flow\n'))

const instance = `${peerId}._edgeway._tcp.local`
const common = { ttl: 4_500, flush: true }
const announcement = dnsPacket.encode({
  type: 'response',
  flags: dnsPacket.AUTHORITATIVE_ANSWER,
  answers: [
    { name: instance, type: 'SRV', data: { port: PORT, target: `${peerId}.local` }, ...common },
    { name: instance, type: 'TXT', data: ['v=1', `cluster=${cluster}`], ...common },
  ],
})
const socket = createSocket({ type: 'udp4', reuseAddr: true })
socket.bind(5_353, () => {
  socket.setMulticastTTL(255)
  socket.setMulticastInterface(address)
  setInterval(() => {
    socket.send(announcement, 5_353, '224.0.0.251', () => process.stdout.write('announced\n'))
  }, PAUSE_MS)
})
