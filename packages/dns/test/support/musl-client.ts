import { createSocket } from 'node:dgram'
import { askOneTcp } from './client.ts'
import { answersIn, decode, queryOf, rcodeIn } from './query.ts'

interface Address {
  readonly ip: string
  readonly port: number
}

const NOERROR = 0
const SERVFAIL = 2
const NXDOMAIN = 3

/**
 * Looks a name up as musl's getaddrinfo does: A and AAAA are asked at once from one UDP socket, replies are told apart by
 * their ids, a truncated one is asked for again over TCP (musl 1.2.4), and one reply that says "no such name" ends the
 * lookup whatever the other says.
 *
 * @returns the addresses, or the error of getaddrinfo(3)
 */
export async function muslLookup(address: Address, name: string): Promise<readonly string[] | string> {
  const queries = [queryOf(name, 'A', { id: 0x1111 }), queryOf(name, 'AAAA', { id: 0x2222 })]
  const replies = await askBoth(address, queries)
  const whole = await Promise.all(
    replies.map(async (reply, index) =>
      decode(reply).flag_tc ? await askOneTcp(address, queries[index] ?? Buffer.alloc(0)) : reply,
    ),
  )
  return outcomeOf(whole)
}

async function askBoth({ ip, port }: Address, queries: readonly Buffer[]): Promise<readonly Buffer[]> {
  const socket = createSocket('udp4')
  const replies = new Map<number, Buffer>()
  const all = Promise.withResolvers<void>()
  socket.on('message', (reply) => {
    replies.set(reply.readUInt16BE(0), reply)
    if (replies.size === queries.length) all.resolve()
  })
  try {
    for (const query of queries) socket.send(query, port, ip)
    await all.promise
    return queries.map((query) => replies.get(query.readUInt16BE(0)) ?? Buffer.alloc(4))
  } finally {
    socket.close()
  }
}

function outcomeOf(replies: readonly Buffer[]): readonly string[] | string {
  const rcodes = replies.map(rcodeIn)
  if (rcodes.includes(SERVFAIL)) return 'EAI_AGAIN'
  if (rcodes.includes(NXDOMAIN)) return 'EAI_NONAME'
  if (rcodes.some((rcode) => rcode !== NOERROR)) return 'EAI_FAIL'
  const addresses = replies.flatMap(answersIn)
  return addresses.length === 0 ? 'EAI_NODATA' : addresses
}
