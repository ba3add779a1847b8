/** Clients and servers of this folder. */
export const HTTP_PROGRAMS = {
  origin: new URL('origin.ts', import.meta.url),
  eventsClient: new URL('events-client.ts', import.meta.url),
  uploadClient: new URL('upload-client.ts', import.meta.url),
  trailersClient: new URL('trailers-client.ts', import.meta.url),
  webSocketTalkServer: new URL('web-socket-talk-server.ts', import.meta.url),
  webSocketTalkClient: new URL('web-socket-talk-client.ts', import.meta.url),
  usersClient: new URL('users-client.ts', import.meta.url),
  heldConnections: new URL('held-connections.ts', import.meta.url),
  rawClient: new URL('raw-client.ts', import.meta.url),
  http2Origin: new URL('http2-origin.ts', import.meta.url),
  http2Client: new URL('http2-client.ts', import.meta.url),
  serverNamesServer: new URL('server-names-server.ts', import.meta.url),
  serverNamesClient: new URL('server-names-client.ts', import.meta.url),
} as const
