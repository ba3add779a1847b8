import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NetworkNamespace } from '@edgeway/testbed'

/** Where the program is loaded, and where its code begins: after the two headers. */
const BASE = 0x400000n
const HEADERS = 120

/** Linux on x86-64: `mov eax, 34 (pause); syscall; jmp` to the beginning. */
const CODE = Buffer.from('b8220000000f05ebf7', 'hex')

/** The smallest program that does nothing for ever, as the sandbox of a pod takes it. See elf(5). */
function pauseProgram(): Buffer {
  const elf = Buffer.alloc(HEADERS)
  // 64 bits, little endian, an executable for x86-64.
  Buffer.from('7f454c46020101', 'hex').copy(elf)
  elf.writeUInt16LE(2, 16)
  elf.writeUInt16LE(62, 18)
  elf.writeUInt32LE(1, 20)
  elf.writeBigUInt64LE(BASE + BigInt(HEADERS), 24)
  // One program header of 56 bytes follows the header of 64.
  elf.writeBigUInt64LE(64n, 32)
  elf.writeUInt16LE(64, 52)
  elf.writeUInt16LE(56, 54)
  elf.writeUInt16LE(1, 56)
  // The whole file is loaded, to be read and executed.
  elf.writeUInt32LE(1, 64)
  elf.writeUInt32LE(5, 68)
  elf.writeBigUInt64LE(BASE, 80)
  elf.writeBigUInt64LE(BASE, 88)
  elf.writeBigUInt64LE(BigInt(HEADERS + CODE.length), 96)
  elf.writeBigUInt64LE(BigInt(HEADERS + CODE.length), 104)
  elf.writeBigUInt64LE(0x1000n, 112)
  return Buffer.concat([elf, CODE])
}

/** Writes an image with that program alone, as `docker save` would, without asking any registry. */
export async function writePauseImage(
  namespace: NetworkNamespace,
  folder: string,
  name: string,
): Promise<string> {
  const tar = async (file: string, ...members: readonly string[]): Promise<void> => {
    const { code, stderr } = await namespace.exec([
      'tar',
      '-C',
      folder,
      '-cf',
      join(folder, file),
      ...members,
    ])
    if (code !== 0) throw new Error(`tar: ${stderr}`)
  }
  await writeFile(join(folder, 'pause'), pauseProgram(), { mode: 0o755 })
  await tar('layer.tar', 'pause')
  const digest = createHash('sha256')
    .update(await readFile(join(folder, 'layer.tar')))
    .digest('hex')
  const rootfs = { type: 'layers', diff_ids: [`sha256:${digest}`] }
  const config = { architecture: 'amd64', os: 'linux', config: { Entrypoint: ['/pause'] }, rootfs }
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  await tar('image.tar', 'manifest.json', 'config.json', 'layer.tar')
  return join(folder, 'image.tar')
}
