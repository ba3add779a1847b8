import { type Flaw, family, type HostileRequest, message, SMUGGLED, visible } from './hostile-request.ts'

const HOST = 'Host: shop.example'

/** Request lines that begin like HTTP, and go wrong. */
const LINES: readonly (readonly [line: string, flaw: string])[] = [
  ['GET  /first HTTP/1.1', 'two spaces follow the method'],
  ['GET /first  HTTP/1.1', 'two spaces stand before the version'],
  ['GET\t/first HTTP/1.1', 'a tab follows the method'],
  ['GET /first\tHTTP/1.1', 'a tab stands before the version'],
  ['GET\x0b/first HTTP/1.1', 'a vertical tab follows the method'],
  ['GET\x0c/first HTTP/1.1', 'a form feed follows the method'],
  ['GET /first HTTP/1.1 ', 'a space ends the line'],
  ['GET /first HTTP/1.1\t', 'a tab ends the line'],
  ['GET /first HTTP/1.1 x', 'a word follows the version'],
  ['GET /first HTTP/1.1x', 'a letter follows the version'],
  ['GET /first HTTP/1.1\x00', 'NUL follows the version'],
  ['GET /first\x00 HTTP/1.1', 'NUL follows the target'],
  ['GET\x00 /first HTTP/1.1', 'NUL follows the method'],
  ['GET /first', 'there is no version: HTTP/0.9'],
  ['GET /first ', 'a space stands for the version'],
  ['GET', 'there is nothing but a method'],
  ['GET /first http/1.1', 'the protocol is in lower case'],
  ['GET /first HTTP', 'the version has no number'],
  ['GET /first HTTP/', 'the version ends in a slash'],
  ['GET /first HTTP/1', 'the version has no minor number'],
  ['GET /first HTTP/1.', 'the minor number is missing'],
  ['GET /first HTTP/.1', 'the major number is missing'],
  ['GET /first HTTP/1,1', 'a comma stands in the version'],
  ['GET /first HTTP/1.10', 'the minor number has two digits'],
  ['GET /first HTTP/01.1', 'the major number has a leading zero'],
  ['GET /first HTTP/1.01', 'the minor number has a leading zero'],
  ['GET /first HTTP/+1.1', 'the version has a sign'],
  ['GET /first HTTP/-1.1', 'the version is negative'],
  ['GET /first HTTP/ 1.1', 'a space stands in the version'],
  ['GET /first HTTP/1 .1', 'a space stands within the numbers'],
  ['GET /first HTTP\\1.1', 'a backslash stands in the version'],
  ['GET /first HTTP/1.1.1', 'the version has three numbers'],
  ['GET /first HTTP/x.y', 'the version has letters'],
  ['GET /first HTTPS/1.1', 'the protocol is another one'],
  ['GET /first ICY/1.1', 'the protocol is that of Shoutcast'],
  ['GET /first HTTP/0.9', 'the version is 0.9'],
  ['GET /first HTTP/1.2', 'the version is 1.2'],
  ['GET /first HTTP/1.9', 'the version is 1.9'],
  ['GET /first HTTP/2.0', 'the version is 2.0'],
  ['GET /first HTTP/2', 'the version is 2'],
  ['GET /first HTTP/3.0', 'the version is 3.0'],
  ['GET /first HTTP/9.9', 'the version is 9.9'],
  ['GET /first HTTP/99999999999999999999.1', 'the major number is more than integers hold'],
  ['GET /first \xef\xbc\xa8TTP/1.1', 'a letter of the version is of full width'],
  ['GET /first HTTP/1.1, HTTP/1.1', 'there are two versions'],
  ['GET:/first HTTP/1.1', 'a colon follows the method'],
  ['GET/first HTTP/1.1', 'no space follows the method'],
  ['GET,POST /first HTTP/1.1', 'there is a list of methods'],
  ['GET\xe9 /first HTTP/1.1', 'the method is not of ASCII'],
  ['G(E)T /first HTTP/1.1', 'the method is no token'],
  ['"GET" /first HTTP/1.1', 'the method is quoted'],
  ['PRI * HTTP/2.0', 'the line is the preface of HTTP/2, and its rest is not'],
]

/** Methods that are refused though their lines are in order. */
const REFUSED_METHODS: readonly (readonly [line: string, flaw: string])[] = [
  ['CONNECT shop.example:80 HTTP/1.1', 'a tunnel is asked for'],
  ['CONNECT /first HTTP/1.1', 'a tunnel to a path is asked for'],
  ['CONNECT http://shop.example/ HTTP/1.1', 'a tunnel to a whole address is asked for'],
  ['CONNECT shop.example:80 HTTP/1.0', 'a tunnel is asked for by HTTP/1.0'],
]

/** Methods that nobody here knows are the endpoint's to judge. */
const OTHER_METHODS: readonly (readonly [line: string, flaw: string])[] = [
  ['BREW /first HTTP/1.1', 'the method is not known'],
  ['get /first HTTP/1.1', 'the method is in lower case, and so another one'],
  ['Get /first HTTP/1.1', 'the method is in mixed case, and so another one'],
  ['M-SEARCH /first HTTP/1.1', 'the method has a hyphen'],
  ["!#$%&'*+-.^_`|~ /first HTTP/1.1", 'the method has every sign that a token may have'],
  ['PROPFIND /first HTTP/1.1', 'the method is that of WebDAV'],
  ['TRACE /first HTTP/1.1', 'the request is to come back as it was sent'],
  ['OPTIONS * HTTP/1.1', 'the server as a whole is asked'],
  ['OPTIONS /first HTTP/1.1', 'what a path can do is asked'],
  ['HEAD /first HTTP/1.1', 'only the head of the response is wanted'],
]

/** What nobody takes for HTTP. */
const FOREIGN: readonly (readonly [text: string, flaw: string])[] = [
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'a response comes from a client'],
  ['\x16\x03\x01\x00\x05hello', 'the beginning of a TLS record comes'],
  ['\x80\x2e\x01\x00\x02', 'the beginning of SSL 2 comes'],
  ['SSH-2.0-OpenSSH_9.2\r\n', 'the greeting of SSH comes'],
  ['EHLO shop.example\r\n', 'the greeting of SMTP comes'],
  ['*1\r\n$4\r\nPING\r\n', 'a command of Redis comes'],
  [
    'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'a header of the PROXY protocol comes',
  ],
  ['\r\n\r\n\0\r\nQUIT\n', 'the signature of the second PROXY protocol comes'],
  ['foo bar\r\n\r\n', 'two words come'],
  [
    `BREW${'x'.repeat(300)} /first HTTP/1.1\r\nHost: shop.example\r\n\r\n`,
    'a method is hundreds of letters long',
  ],
  [' HTTP/1.1\r\nHost: shop.example\r\n\r\n', 'method and target are missing'],
  ['/first HTTP/1.1\r\nHost: shop.example\r\n\r\n', 'the method is missing'],
]

function flaws(): Flaw[] {
  const lines = LINES.map(([line, flaw]) => ({
    name: visible(line),
    flaw,
    text: message(line, [HOST], SMUGGLED),
    isForeign: !line.startsWith('GET '),
  }))
  const refused = REFUSED_METHODS.map(([line, flaw]) => ({
    name: line,
    flaw,
    text: message(line, [HOST], SMUGGLED),
  }))
  const others = OTHER_METHODS.map(([line, flaw]) => ({
    name: line,
    flaw,
    text: message(line, [HOST], SMUGGLED),
    out: [line.startsWith('OPTIONS *') || line.startsWith('TRACE') ? 0 : 2, 2] as const,
  }))
  const foreign = FOREIGN.map(([text, flaw]) => ({
    name: visible(text).slice(0, 30),
    flaw,
    text,
    out: [0, 1] as const,
    isCut: true,
    isForeign: true,
  }))
  return [...lines, ...refused, ...others, ...foreign]
}

function preface(): Flaw[] {
  return [
    {
      name: 'preface of HTTP/2 and HTTP/1.1',
      flaw: 'requests of HTTP/1.1 follow the preface of HTTP/2',
      text: `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SMUGGLED}${SMUGGLED}`,
      isCut: true,
    },
    {
      name: 'HTTP/0.9 alone',
      flaw: 'the request is that of HTTP/0.9, without a head',
      text: 'GET /first\r\n',
      isCut: true,
    },
    {
      name: 'HTTP/0.9 and a request',
      flaw: 'a request of HTTP/1.1 follows one of HTTP/0.9',
      text: `GET /first\r\n${SMUGGLED}`,
    },
    {
      name: 'method override',
      flaw: 'fields say that the method is another one, which is the endpoint’s to judge',
      text: message(
        'POST /first HTTP/1.1',
        [HOST, 'X-HTTP-Method-Override: CONNECT', 'X-HTTP-Method: HEAD', 'Content-Length: 0'],
        SMUGGLED,
      ),
      out: [2, 2],
    },
    {
      name: 'path override',
      flaw: 'fields say that the path is another one, which is the endpoint’s to judge',
      text: message(
        'GET /first HTTP/1.1',
        [HOST, 'X-Original-URL: /smuggled', 'X-Rewrite-URL: /smuggled', 'X-Forwarded-Host: evil.example'],
        SMUGGLED,
      ),
      out: [2, 2],
    },
  ]
}

/** Request lines (RFC 9112, 3) and methods (RFC 9110, 9). */
export function requestLines(): HostileRequest[] {
  return family('request line', [...flaws(), ...preface()])
}
