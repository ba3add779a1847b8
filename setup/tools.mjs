/** System tools that the lab, its tests and the demo run, and where Debian has them. */
export const TOOLS = [
  { tool: 'ip', debianPackage: 'iproute2', why: 'builds the lab' },
  { tool: 'tc', debianPackage: 'iproute2', why: 'limits rates in the lab' },
  { tool: 'nft', debianPackage: 'nftables', why: 'the rules of agents and NAT routers' },
  {
    tool: 'iptables',
    debianPackage: 'iptables',
    why: 'the rules of agents on nodes without nftables; both flavours',
  },
  { tool: 'ipset', debianPackage: 'ipset', why: 'the sets of those rules' },
  { tool: 'conntrack', debianPackage: 'conntrack', why: 'resets NAT routers' },
  { tool: 'curl', debianPackage: 'curl', why: 'calls Services' },
  { tool: 'dig', debianPackage: 'bind9-dnsutils', why: 'asks the DNS responder' },
  { tool: 'kdig', debianPackage: 'knot-dnsutils', why: 'asks it in other ways' },
  { tool: 'miniupnpd', debianPackage: 'miniupnpd-nftables', why: "is the lab's router that maps ports" },
  { tool: 'dnsmasq', debianPackage: 'dnsmasq-base', why: "is the lab's DNS server of the internet" },
  { tool: 'mdns-scan', debianPackage: 'mdns-scan', why: 'looks for services on the LAN' },
  { tool: 'sysctl', debianPackage: 'procps', why: 'sets options of the kernel' },
  { tool: 'haproxy', debianPackage: 'haproxy', why: 'reads the PROXY protocol; a reference peer of benches' },
  {
    tool: 'nginx',
    debianPackage: 'nginx-light',
    why: 'reads the PROXY protocol; the HTTP server behind all peers of benches',
  },
  { tool: 'openssl', debianPackage: 'openssl', why: 'makes certificates for TLS scenarios' },
  { tool: 'kubectl', debianPackage: 'kubernetes-client', why: 'applies manifests' },
]

/** What the benches compare with, and measure with. */
export const BENCH_TOOLS = [
  { tool: 'iperf3', debianPackage: 'iperf3', why: 'measures throughput' },
  { tool: 'dnsperf', debianPackage: 'dnsperf', why: 'measures DNS servers' },
  { tool: 'unbound', debianPackage: 'unbound', why: 'a reference peer of DNS' },
  { tool: 'wrk', debianPackage: 'wrk', why: 'measures requests and connections' },
  { tool: 'h2load', debianPackage: 'nghttp2-client', why: 'measures requests of HTTP/2' },
]

/** Which images buildah and podman may take; their packages only recommend it. */
const POLICY = 'golang-github-containers-common'

/** What builds and runs container images. */
export const CONTAINER_TOOLS = [
  { tool: 'buildah', debianPackage: 'buildah', besides: [POLICY], why: 'builds images' },
  { tool: 'podman', debianPackage: 'podman', besides: [POLICY], why: 'runs them' },
  { tool: 'runc', debianPackage: 'runc', why: 'is the runtime under podman' },
  { tool: 'mmdebstrap', debianPackage: 'mmdebstrap', why: 'makes their base in tests' },
  {
    tool: 'containerd',
    debianPackage: 'containerd',
    besides: ['containernetworking-plugins'],
    why: 'tells agents where pods are',
  },
]
