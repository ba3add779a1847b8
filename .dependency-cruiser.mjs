// Who may import whom: the table of ARCHITECTURE.md, and one door per technology. Type-only imports count, too.

/** What each package may import besides itself; tests may import testbed as well. */
const IMPORTS = {
  core: [],
  runtime: ['core'],
  metadata: ['core'],
  dns: ['core'],
  proxier: ['core'],
  traffic: ['core'],
  tunnel: ['core'],
  testbed: ['core'],
  'tunnel-server': ['core', 'runtime', 'tunnel', 'metadata'],
  'edge-agent': ['core', 'runtime', 'metadata', 'dns', 'proxier', 'traffic', 'tunnel'],
}

/** Technologies, and the only places that may know them. */
const DOORS = [
  { to: 'node_modules/(libp2p|@libp2p|@multiformats)/', from: '^(packages/tunnel|e2e/support)/' },
  {
    to: 'node_modules/@kubernetes/client-node/',
    from: '^packages/(metadata/src/kubernetes/|testbed/src/api-double/schema/)',
  },
  {
    to: '^(node:)?sqlite$',
    from: '^packages/(metadata/(src|test)/store/|testbed/src/metaserver-double/edge/|tunnel/src/state/file-lock\\.ts$)',
  },
  {
    to: 'node_modules/dns-packet/',
    from: '^(packages/(dns/(src/message\\.ts|.*\\.test\\.ts|test/)|tunnel/(src/node/neighbours/message(\\.test)?\\.ts|test/))|e2e/support/)',
  },
  {
    to: 'node_modules/koffi/',
    from: '^packages/(traffic/src/kernel/libc|dns/src/listen/udp/libc|tunnel/src/host/tcp-info|testbed/src/wan/tap|proxier/src/backend/nftables/(libnftables|ruleset-generation))\\.ts',
  },
  {
    to: 'node_modules/zod/',
    from: '^packages/(runtime/|(edge-agent/src/config/|tunnel-server/src/config\\.ts$))',
  },
  { to: 'node_modules/yaml/', from: '^packages/(runtime|testbed)/' },
  { to: 'node_modules/(pino|prom-client)/', from: '^packages/runtime/' },
  {
    to: '^(node:)?child_process$',
    from: '^(packages/(proxier|testbed)|e2e|demo|bench|container|scripts)/|/test/|\\.test\\.ts$',
  },
  // As a global it is kept behind the same door by biome.jsonc.
  {
    to: '^(node:)?process$',
    from: '^(packages/(runtime/src/process\\.ts|testbed/)|e2e/|demo/|bench/|container/|scripts/)',
  },
]

const TESTS = '(\\.test\\.ts$|/test/|\\.e2e\\.ts$)'

const directions = Object.entries(IMPORTS).map(([name, allowed]) => ({
  name: `imports-of-${name}`,
  severity: 'error',
  from: { path: `^packages/${name}/`, pathNot: TESTS },
  to: { path: '^packages/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
}))

const testDirections = Object.entries(IMPORTS).map(([name, allowed]) => ({
  name: `imports-of-tests-of-${name}`,
  severity: 'error',
  from: { path: `^packages/${name}/.*${TESTS}` },
  to: { path: '^packages/', pathNot: `^packages/(${[name, 'testbed', ...allowed].join('|')})/` },
}))

const doors = DOORS.map(({ to, from }) => ({
  name: `door-of-${to
    .replaceAll(/[^a-z0-9-]+/g, ' ')
    .trim()
    .replaceAll(' ', '-')}`,
  severity: 'error',
  from: { path: '^(packages|e2e|demo|bench|container|scripts)/', pathNot: from },
  to: { path: to },
}))

export default {
  forbidden: [
    ...directions,
    ...testDirections,
    ...doors,
    {
      name: 'one-entry-per-package',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/([^/]+)/', pathNot: ['^packages/$1/', '^packages/[^/]+/src/index\\.ts$'] },
    },
    {
      name: 'one-entry-for-outsiders',
      severity: 'error',
      from: { path: '^(e2e|demo|bench|container|scripts)/' },
      to: { path: '^packages/', pathNot: '^packages/[^/]+/src/index\\.ts$' },
    },
    {
      name: 'e2e-and-demo-look-from-outside',
      severity: 'error',
      // The bench `metadata` measures that package alone.
      from: { path: '^(e2e|demo|bench|container)/', pathNot: '^bench/src/metadata/' },
      // e2e/support plays members and strangers that misbehave, which takes the tunnel's own protocol.
      to: { path: '^packages/', pathNot: '^packages/(core|testbed|tunnel)/' },
    },
    {
      name: 'bench-of-metadata',
      severity: 'error',
      from: { path: '^bench/src/metadata/' },
      to: { path: '^packages/', pathNot: '^packages/(core|testbed|metadata)/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
