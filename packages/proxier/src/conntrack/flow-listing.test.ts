import { describe, expect, it } from 'vitest'
import { type FlowKind, parseFlows, type TrackedFlow } from './flow-listing.ts'

/** Written by conntrack 1.4.7. */
const LINES = {
  unreplied:
    'udp      17 29 src=10.244.1.2 dst=10.96.0.1 sport=5000 dport=53 [UNREPLIED] src=10.244.1.7 dst=10.244.1.2 sport=5353 dport=5000 mark=0 use=1',
  replied:
    'udp      17 29 src=10.244.1.2 dst=10.96.0.1 sport=5000 dport=53 src=10.244.1.7 dst=10.244.1.2 sport=5353 dport=5000 mark=0 use=1',
  assured:
    'udp      17 119 src=10.244.1.2 dst=10.96.0.1 sport=5000 dport=53 src=10.244.1.7 dst=10.244.1.2 sport=5353 dport=5000 [ASSURED] mark=0 use=1',
  counted:
    'udp      17 29 src=10.244.1.2 dst=10.96.0.1 sport=5000 dport=53 packets=1 bytes=30 [UNREPLIED] src=10.244.1.7 dst=10.244.1.2 sport=5353 dport=5000 packets=0 bytes=0 mark=0 use=1',
  extended:
    'ipv4     2 udp      17 29 src=10.244.1.2 dst=10.96.0.1 sport=5000 dport=53 [UNREPLIED] src=10.244.1.7 dst=10.244.1.2 sport=5353 dport=5000 mark=0 use=1',
}

function parse(text: string, kind: FlowKind): TrackedFlow[] {
  return [...parseFlows(text, kind)]
}

describe('parseFlows', () => {
  it.each(Object.entries(LINES))('reads where a flow goes and who answers: %s', (_name, line) => {
    expect(parse(`${line}\n`, { protocol: 'UDP', family: 'IPv4' })).toEqual([
      {
        protocol: 'UDP',
        family: 'IPv4',
        destination: { ip: '10.96.0.1', port: 53 },
        replySource: { ip: '10.244.1.7', port: 5353 },
      },
    ])
  })

  it('reads IPv6 and the state of TCP', () => {
    const line =
      'tcp      6 118 SYN_SENT src=fd00::2 dst=fd00:96::1 sport=46658 dport=80 [UNREPLIED] src=fd00:96::1 dst=fd00::2 sport=80 dport=46658 mark=0 use=1'

    expect(parse(line, { protocol: 'TCP', family: 'IPv6' })).toMatchObject([
      { destination: { ip: 'fd00:96::1', port: 80 }, replySource: { ip: 'fd00:96::1', port: 80 } },
    ])
  })

  it('leaves out what it does not understand', () => {
    const text = `udp      17 29 src=1.1.1.1 dst=2.2.2.2 sport=1 dport=2 \n${LINES.unreplied}\nicmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=1 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=1\n\n`

    expect(parse(text, { protocol: 'UDP', family: 'IPv4' })).toHaveLength(1)
  })
})
