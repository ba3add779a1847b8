import { type Flaw, family, type HostileRequest, message, SMUGGLED, visible } from './hostile-request.ts'

const HOST = 'Host: shop.example'

/** What stands in place of `Host: shop.example` in HTTP/1.1 (RFC 9112, 3.2). */
const HOSTS: readonly (readonly [lines: readonly string[], flaw: string])[] = [
  [[], 'there is no Host'],
  [[HOST, HOST], 'there are two equal ones'],
  [[HOST, 'Host: evil.example'], 'there are two different ones'],
  [[HOST, 'host: evil.example'], 'there are two, one in lower case'],
  [[HOST, 'Host:'], 'a second one is empty'],
  [['Host: shop.example, evil.example'], 'it is a list'],
  [['Host: shop.example evil.example'], 'it has a space'],
  [['Host: user@shop.example'], 'it names a user'],
  [['Host: user:password@shop.example'], 'it names a user and a password'],
  [['Host: shop.example/path'], 'it has a path'],
  [['Host: shop.example?query'], 'it has a query'],
  [['Host: shop.example#fragment'], 'it has a fragment'],
  [['Host: http://shop.example'], 'it has a scheme'],
  [['Host: shop.example:port'], 'its port is a word'],
  [['Host: shop.example:99999'], 'its port is too large'],
  [['Host: shop.example:-1'], 'its port is negative'],
  [['Host: shop.example:80:80'], 'it has two ports'],
  [['Host: [::1'], 'a bracket is not closed'],
  [['Host: ::1'], 'an IPv6 address has no brackets'],
  [['Host: [::1]x'], 'something follows a bracket'],
  [['Host: [zz::1]'], 'there is no address in the brackets'],
  [['Host: shop\\example'], 'it has a backslash'],
  [['Host: shop.example\x00evil'], 'it has NUL'],
  [['Host: <script>'], 'it has angle brackets'],
  [['Host: "shop.example"'], 'it is quoted'],
  [['Host: shop.example\xe9'], 'it is not of ASCII'],
  [['Host : shop.example'], 'a space stands before the colon'],
  [['Host:\r\n shop.example'], 'it is on a folded line'],
  [['X: x\r\n Host: shop.example'], 'it is a folded line of another field'],
  [['X-Host: shop.example'], 'it has another name'],
]

const GOOD_HOSTS: readonly (readonly [line: string, flaw: string])[] = [
  ['Host: SHOP.example', 'a host is in upper case'],
  ['Host: shop.example:8080', 'a host has a port'],
  ['Host: [::1]:80', 'a host is an IPv6 address with a port'],
  ['Host: 127.0.0.1', 'a host is an IPv4 address'],
  ['hOsT:shop.example', 'the name is in mixed case'],
]

/** Targets with a character that they can't have, or of a form that a proxy does not take. */
const BAD_TARGETS: readonly (readonly [target: string, flaw: string])[] = [
  ['/a b', 'a space stands in it'],
  ['/first HTTP/1.1 /smuggled', 'a version stands in it'],
  ['/a\tb', 'a tab stands in it'],
  ['/a\x00b', 'NUL stands in it'],
  ['/a\x0bb', 'a vertical tab stands in it'],
  ['/a\x7fb', 'DEL stands in it'],
  ['/a\rb', 'a bare CR stands in it'],
  ['/a\nb', 'a bare LF stands in it'],
  ['/first#fragment', 'it has a fragment'],
  ['first', 'it does not begin with a slash'],
  ['', 'there is none'],
  ['*', 'an asterisk is for OPTIONS only'],
  ['shop.example:80', 'an authority is for CONNECT only'],
  ['shop.example', 'it is a name'],
  ['?query', 'it is a query'],
  ['http://user@shop.example/', 'it names a user'],
  ['http://user:password@shop.example/', 'it names a user and a password'],
  ['http://shop.example@evil.example/', 'a host stands where the user does'],
  ['http://shop.example/#fragment', 'an absolute one has a fragment'],
  ['http:///first', 'it has no authority'],
  ['http:/first', 'it has one slash'],
  ['http:first', 'it has no slash'],
  ['http://', 'it has nothing but a scheme'],
  ['http://:80/', 'it has a port and no host'],
  ['http://shop.example:port/', 'its port is a word'],
  ['http://shop.example:99999/', 'its port is too large'],
  ['http://shop example/', 'its host has a space'],
  ['http://shop.example\\evil.example/', 'its host has a backslash'],
  ['ftp://shop.example/', 'its scheme is not of HTTP'],
  ['file:///etc/passwd', 'its scheme is that of files'],
  ['javascript:alert(1)', 'its scheme is that of scripts'],
  ['ws://shop.example/', 'its scheme is that of WebSocket'],
  ['//evil.example/first', 'it begins with two slashes, which is a path'],
]

const GOOD_TARGETS: readonly (readonly [target: string, flaw: string])[] = [
  ['/a/../b', 'it goes up'],
  ['/%2e%2e/%2F%00', 'it has encoded dots, slashes and NUL'],
  ['/a?b=c&d', 'it has a query'],
  ['/a;b=c', 'it has parameters'],
  ['/a%0d%0aX:%20x', 'it has an encoded line end'],
  ['/a//b', 'it has two slashes'],
]

const ABSOLUTE: readonly (readonly [target: string, host: readonly string[], flaw: string])[] = [
  ['http://shop.example/first', [HOST], 'its host is that of the field'],
  ['http://evil.example/first', [HOST], 'its host is another one than that of the field'],
  ['HTTP://SHOP.EXAMPLE/first', [HOST], 'it is in upper case'],
  ['http://shop.example', [HOST], 'it has no path'],
  ['http://shop.example?query', [HOST], 'it has a query and no path'],
  ['http://shop.example:8080/first', [HOST], 'it has a port that the field has not'],
  ['https://shop.example/first', [HOST], 'its scheme is that of TLS'],
  ['http://shop.example/first', [], 'there is no Host'],
  ['http://shop.example/first', [HOST, 'Host: evil.example'], 'there are two Hosts'],
]

const line = (target: string): string => `GET ${target} HTTP/1.1`

function hosts(): Flaw[] {
  const bad = HOSTS.map(([lines, flaw]) => ({
    name: `Host ${visible(lines.join(' | ')).slice(0, 60)}`,
    flaw: `of Host, ${flaw}`,
    text: message(line('/first'), lines, SMUGGLED),
  }))
  const good = GOOD_HOSTS.map(([field, flaw]) => ({
    name: field,
    flaw,
    text: message(line('/first'), [field], SMUGGLED),
    out: [2, 2] as const,
  }))
  return [
    ...bad,
    ...good,
    {
      name: 'an empty Host',
      flaw: 'Host is empty, which only targets without an authority may have',
      text: message(line('/first'), ['Host:'], SMUGGLED),
      out: [0, 2],
    },
    {
      name: 'no Host in HTTP/1.0',
      flaw: 'HTTP/1.0 does not need a Host',
      text: message('GET /first HTTP/1.0', []),
      out: [1, 1],
    },
    {
      name: 'two Hosts in HTTP/1.0',
      flaw: 'there are two different Hosts in HTTP/1.0',
      text: message('GET /first HTTP/1.0', [HOST, 'Host: evil.example']),
    },
  ]
}

function targets(): Flaw[] {
  const bad = BAD_TARGETS.map(([target, flaw]) => ({
    name: `target ${visible(target)}`,
    flaw: `of the target, ${flaw}`,
    text: message(line(target), [HOST], SMUGGLED),
    ...(target.startsWith('//') ? { out: [0, 2] as const } : {}),
  }))
  const good = GOOD_TARGETS.map(([target, flaw]) => ({
    name: `target ${target}`,
    flaw: `of the target, ${flaw}`,
    text: message(line(target), [HOST], SMUGGLED),
    out: [2, 2] as const,
  }))
  const absolute = ABSOLUTE.map(([target, host, flaw]) => ({
    name: `absolute ${target}, ${host.length} hosts`,
    flaw: `of the absolute target, ${flaw}`,
    text: message(line(target), host, SMUGGLED),
    out: [0, host.length > 1 ? 0 : 2] as const,
  }))
  return [...bad, ...good, ...absolute]
}

/** Where a request goes: Host and the target (RFC 9112, 3.2; RFC 9110, 4.2 and 7.2). */
export function destinations(): HostileRequest[] {
  return family('destination', [...hosts(), ...targets()])
}
