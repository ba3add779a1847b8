/**
 * The addresses of a resolver configuration's `nameserver` lines, in order. All other lines are for the clients.
 *
 * @see resolv.conf(5)
 */
export function nameserversOf(text: string): string[] {
  return text.split('\n').flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
}
