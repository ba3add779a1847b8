import type { Connection } from '@libp2p/interface'

/** Closes a connection, by force if its streams do not end in a second. Never rejects. */
export async function closeConnection(connection: Connection): Promise<void> {
  try {
    await connection.close()
  } catch (error) {
    connection.abort(error instanceof Error ? error : new Error('the connection did not close'))
  }
}
