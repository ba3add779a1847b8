/** Names that the bench asks for, with the address of each. */
export type NamedAddresses = ReadonlyMap<string, string>

const EXTERNAL_NAMES = 1_000

/** Services as `makeServices` makes them, from number 0 on. */
export function clusterNames(count: number): NamedAddresses {
  return namesOf(count, (index) => `s-${index}.bench.svc.cluster.local`, '10.98')
}

/** Names of the internet, few enough for any cache to hold them all. */
export function externalNames(): NamedAddresses {
  return namesOf(EXTERNAL_NAMES, (index) => `www-${index}.example.com`, '45.90')
}

/** dnsperf's input: each name once, in an order that has nothing to do with that of the servers. */
export function queriesOf(names: NamedAddresses): string {
  return `${scattered([...names.keys()])
    .map((name) => `${name} A`)
    .join('\n')}\n`
}

/** In the format of hosts(5). */
export function hostsOf(names: NamedAddresses): string {
  return `${[...names].map(([name, address]) => `${address} ${name}`).join('\n')}\n`
}

function namesOf(count: number, nameOf: (index: number) => string, prefix: string): NamedAddresses {
  return new Map(
    Array.from({ length: count }, (_, index) => [
      nameOf(index),
      `${prefix}.${Math.floor(index / 250)}.${(index % 250) + 1}`,
    ]),
  )
}

/** Every value once, each far from its neighbours: steps of a number that shares no divisor with any count in use. */
function scattered(values: readonly string[]): string[] {
  const step = 7_919
  return values.map((value, index) => values[(index * step) % values.length] ?? value)
}
