/** Heads to begin with: most are sound, and some are nearly. */

function headOf(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`
}

const HOST = 'Host: web.shop'

export const REQUESTS: readonly string[] = [
  headOf('GET / HTTP/1.1', HOST),
  headOf(
    'GET /api/items?id=42&x=%20 HTTP/1.1',
    HOST,
    'User-Agent: curl/8.14.1',
    'Accept: */*',
    'Cookie: session=0123456789',
  ),
  headOf('HEAD /a HTTP/1.1', HOST, 'Connection: keep-alive', 'Keep-Alive: timeout=5'),
  headOf('POST /a HTTP/1.1', HOST, 'Content-Type: application/json', 'Content-Length: 17'),
  headOf('POST /a HTTP/1.1', 'Content-Length: 0', HOST),
  headOf(
    'PUT /a/b HTTP/1.1',
    HOST,
    'Transfer-Encoding: chunked',
    'Trailer: X-Sum',
    'TE: trailers',
    'Connection: TE',
  ),
  headOf('POST /a HTTP/1.1', HOST, 'Expect: 100-continue', 'Content-Length: 5'),
  headOf('POST /a HTTP/1.1', HOST, 'Content-Length: 5', 'Transfer-Encoding: chunked'),
  headOf('POST /a HTTP/1.1', HOST, 'Content-Length: 5', 'Content-Length: 5'),
  headOf(
    'GET /chat HTTP/1.1',
    HOST,
    'Connection: keep-alive, Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
  ),
  headOf(
    'GET / HTTP/1.1',
    HOST,
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQCAAAA',
  ),
  headOf('GET / HTTP/1.1', HOST, 'Connection: close, X-Hop', 'X-Hop: 1', 'X-End: 2'),
  headOf('GET http://web.shop:8080/a?b HTTP/1.1', HOST),
  headOf('GET http://[2001:db8::1] HTTP/1.1', 'Host: [2001:db8::1]'),
  headOf('OPTIONS * HTTP/1.1', HOST),
  headOf('OPTIONS http://web.shop HTTP/1.1', HOST),
  headOf('DELETE /a HTTP/1.0'),
  headOf('GET /a HTTP/1.0', HOST, 'Connection: keep-alive'),
  headOf('POST /a HTTP/1.0', 'Content-Length: 3', 'Proxy-Connection: keep-alive'),
  headOf(
    'GET / HTTP/1.1',
    'Host: 10.0.0.1:80',
    'X-Forwarded-For: 1.1.1.1',
    'Forwarded: for="[::1]";proto=http, for=_x',
  ),
  headOf('GET / HTTP/1.1', HOST, 'a:', 'b: \t ', 'C_d: \xe4\xff', 'a: again'),
  `\r\n${headOf('PATCH /a HTTP/1.1', HOST, 'Content-Length: 9007199254740991')}`,
  headOf('CONNECT web.shop:443 HTTP/1.1', HOST),
  headOf('PRI * HTTP/2.0'),
]

export const RESPONSES: readonly string[] = [
  headOf('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Type: text/plain', 'Server: nginx'),
  headOf(
    'HTTP/1.1 200 OK',
    'Transfer-Encoding: chunked',
    'Trailer: X-Sum',
    'Connection: keep-alive',
    'Keep-Alive: timeout=5',
  ),
  headOf('HTTP/1.0 200 OK', 'Content-Length: 5', 'Connection: keep-alive'),
  headOf('HTTP/1.0 404 Not Found', 'Content-Type: text/html'),
  headOf('HTTP/1.1 204 No Content'),
  headOf('HTTP/1.1 304 Not Modified', 'ETag: "a"', 'Content-Length: 5'),
  headOf('HTTP/1.1 100 Continue'),
  headOf('HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload'),
  headOf('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'),
  headOf('HTTP/1.1 426 Upgrade Required', 'Connection: Upgrade', 'Upgrade: h2c', 'Content-Length: 0'),
  headOf('HTTP/1.1 200 ', 'Connection: close, X-Hop', 'X-Hop: 1', 'Set-Cookie: a=b', 'Set-Cookie: c=d'),
  headOf('HTTP/1.1 200', 'Content-Length: 0'),
  headOf('HTTP/1.1 500 Interner Fehler \xe4', 'Content-Length: 3', 'Content-Length: 3'),
  headOf('HTTP/1.1 200 OK', 'Content-Length: 3', 'Transfer-Encoding: chunked'),
]
