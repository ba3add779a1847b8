import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServerCertificate } from '../api-double/http/certificate.ts'
import { type Command, describeFaults, readArguments, USAGE } from './arguments.ts'
import { MetaServerDouble } from './metaserver-double.ts'
import type { SecureOptions } from './options.ts'

async function serve({
  options,
  manifests,
  pki,
}: Extract<Command, { readonly name: 'serve' }>): Promise<void> {
  const stop = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  const secure = options.secure && { ...options.secure, ...(await storedCertificate(pki)) }
  await using double = await MetaServerDouble.start({ ...options, secure }, { onUpstream: reportUpstream })
  if (secure !== undefined) await storeCertificate(pki, double)
  for (const file of manifests) await double.apply(await readFile(file, 'utf8'))
  const { url, controlUrl, cloudUrl } = double
  process.stdout.write(`${JSON.stringify({ ready: true, url, controlUrl, cloudUrl })}\n`)
  await stop
}

function reportUpstream(error: unknown): void {
  const message = error === undefined ? 'upstream reached' : 'upstream lost'
  process.stderr.write(
    `${JSON.stringify({ message, error: error === undefined ? undefined : String(error) })}\n`,
  )
}

/** That of an earlier run, so that clients need not be told of another one. */
async function storedCertificate(pki: string | undefined): Promise<Pick<SecureOptions, 'certificate'>> {
  if (pki === undefined) return {}
  try {
    const [certificate, key] = await Promise.all(
      filesIn(pki).map(async (file) => await readFile(file, 'utf8')),
    )
    return certificate === undefined || key === undefined ? {} : { certificate: { certificate, key } }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

async function storeCertificate(
  pki: string | undefined,
  { certificate }: { readonly certificate: ServerCertificate | undefined },
): Promise<void> {
  if (pki === undefined || certificate === undefined) return
  await mkdir(pki, { recursive: true })
  const [certificateFile = '', keyFile = ''] = filesIn(pki)
  await writeFile(certificateFile, certificate.certificate)
  await writeFile(keyFile, certificate.key, { mode: 0o600 })
}

/** Certificate, which is its own authority, and key. */
function filesIn(pki: string): readonly string[] {
  return [join(pki, 'ca.crt'), join(pki, 'server.key')]
}

try {
  const command = readArguments(process.argv.slice(2))
  if (command.name === 'help') process.stdout.write(USAGE)
  else if (command.name === 'list-faults') process.stdout.write(describeFaults(command.compat))
  else await serve(command)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  process.exitCode = 1
}
