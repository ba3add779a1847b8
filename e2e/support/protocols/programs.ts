/** The clients and servers of this folder, by what they speak. */
export const PROGRAMS = {
  httpClient: new URL('http-client.ts', import.meta.url),
  websocketServer: new URL('websocket-server.ts', import.meta.url),
  websocketClient: new URL('websocket-client.ts', import.meta.url),
  grpcServer: new URL('grpc-server.ts', import.meta.url),
  grpcClient: new URL('grpc-client.ts', import.meta.url),
  tlsServer: new URL('tls-server.ts', import.meta.url),
  tlsClient: new URL('tls-client.ts', import.meta.url),
  firstByteClient: new URL('first-byte-client.ts', import.meta.url),
  halfCloseServer: new URL('half-close-server.ts', import.meta.url),
  halfCloseClient: new URL('half-close-client.ts', import.meta.url),
} as const
