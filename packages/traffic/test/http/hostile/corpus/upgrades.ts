import {
  chunked,
  type Flaw,
  family,
  get,
  type HostileRequest,
  message,
  post,
  SMUGGLED,
} from './hostile-request.ts'

const WEB_SOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
const H2C = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']

/** The endpoint never switches: it answers what it is asked. */
function webSocket(): Flaw[] {
  return [
    {
      name: 'WebSocket refused',
      flaw: 'a request follows an upgrade that the endpoint refuses',
      text: get(WEB_SOCKET, SMUGGLED),
      out: [1, 2],
    },
    {
      name: 'WebSocket with a wrong version',
      flaw: 'a request follows an upgrade that asks for a version that does not exist',
      text: get(WEB_SOCKET.with(2, 'Sec-WebSocket-Version: 777'), SMUGGLED),
      out: [1, 2],
    },
    {
      name: 'WebSocket by POST with a body',
      flaw: 'an upgrade has a body that looks like a request',
      text: post([...WEB_SOCKET, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
      out: [0, 1],
    },
    {
      name: 'WebSocket by GET with a body',
      flaw: 'an upgrade has a body that looks like a request',
      text: get([...WEB_SOCKET, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
      out: [0, 1],
    },
    {
      name: 'WebSocket with chunks',
      flaw: 'an upgrade has a chunked body that looks like a request',
      text: get([...WEB_SOCKET, 'Transfer-Encoding: chunked'], chunked(SMUGGLED)),
      out: [0, 1],
    },
    {
      name: 'WebSocket in HTTP/1.0',
      flaw: 'HTTP/1.0 has no upgrades',
      text: message('GET /first HTTP/1.0', ['Host: shop.example', ...WEB_SOCKET], SMUGGLED),
      out: [0, 1],
    },
    {
      name: 'WebSocket by HEAD',
      flaw: 'a HEAD asks for an upgrade',
      text: message('HEAD /first HTTP/1.1', ['Host: shop.example', ...WEB_SOCKET], SMUGGLED),
      out: [0, 2],
    },
    {
      name: 'Upgrade that Connection does not name',
      flaw: 'without Connection, Upgrade means nothing',
      text: get(WEB_SOCKET.slice(1), SMUGGLED),
      out: [2, 2],
    },
    {
      name: 'Connection without Upgrade',
      flaw: 'Connection names an Upgrade that is not there',
      text: get(['Connection: upgrade'], SMUGGLED),
      out: [1, 2],
    },
    {
      name: 'WebSocket and close',
      flaw: 'an upgrade comes with the wish to close',
      text: get(['Connection: close, Upgrade', ...WEB_SOCKET.slice(1)], SMUGGLED),
      out: [0, 1],
    },
    {
      name: 'WebSocket with CL.TE',
      flaw: 'an upgrade has both a length and a coding',
      text: get([...WEB_SOCKET, 'Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
    },
  ]
}

function otherProtocols(): Flaw[] {
  const names = ['TLS/1.2', 'x', 'HTTP/2.0', 'websocket, h2c', 'h2c, websocket', '', 'h2', 'HTTP/1.1', '\xe9']
  return names.map((name) => ({
    name: `Upgrade: ${name}`,
    flaw: 'a request follows an upgrade to another protocol, which the endpoint refuses',
    text: get(['Connection: Upgrade', `Upgrade: ${name}`], SMUGGLED),
    out: [0, 2],
  }))
}

function h2c(): Flaw[] {
  return [
    {
      name: 'h2c without settings',
      flaw: 'an upgrade to h2c has no settings',
      text: get(['Connection: Upgrade', 'Upgrade: h2c'], SMUGGLED),
      out: [0, 2],
    },
    {
      name: 'h2c with settings that Connection does not name',
      flaw: 'Connection must name the settings (RFC 7540, 3.2.1)',
      text: get(['Connection: Upgrade', ...H2C.slice(1)], SMUGGLED),
      out: [0, 2],
    },
    {
      name: 'h2c with two settings',
      flaw: 'there must be one field of settings (RFC 7540, 3.2.1)',
      text: get([...H2C, 'HTTP2-Settings: AAMAAABkAAQAAP__'], SMUGGLED),
      out: [0, 2],
    },
    {
      name: 'h2c with malformed settings',
      flaw: 'the settings are not of base64url',
      text: get([...H2C.slice(0, 2), 'HTTP2-Settings: =/+!'], SMUGGLED),
      out: [0, 2],
    },
    {
      name: 'h2c with a body',
      flaw: 'an upgrade to h2c has a body that looks like a request',
      text: post([...H2C, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
      out: [0, 1],
    },
    {
      name: 'h2c with chunks',
      flaw: 'an upgrade to h2c has a chunked body that looks like a request',
      text: post([...H2C, 'Transfer-Encoding: chunked'], chunked(SMUGGLED)),
      out: [0, 1],
    },
    {
      name: 'h2c and HTTP/1.1',
      flaw: 'a request of HTTP/1.1 follows an upgrade to h2c, where the preface of HTTP/2 should come',
      text: get(H2C, SMUGGLED),
      out: [0, 2],
    },
    {
      name: 'h2c in HTTP/1.0',
      flaw: 'HTTP/1.0 has no upgrades',
      text: message('GET /first HTTP/1.0', ['Host: shop.example', ...H2C], SMUGGLED),
      out: [0, 1],
    },
    {
      name: 'h2c and close',
      flaw: 'an upgrade to h2c comes with the wish to close',
      text: get(['Connection: close, Upgrade, HTTP2-Settings', ...H2C.slice(1)], SMUGGLED),
      out: [0, 1],
    },
  ]
}

/** Upgrades that don't happen, or must not (RFC 9110, 7.8; RFC 7540, 3.2; RFC 6455, 4). */
export function upgrades(): HostileRequest[] {
  return family('upgrade', [...webSocket(), ...otherProtocols(), ...h2c()])
}
