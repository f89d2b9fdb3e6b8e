import { guestWrites, sectorBytes } from './machines.contract.ts'

/** Guests that need no file: the first sector of a disk, which a BIOS boots from. Their texts lie at fixed places of that sector. */
const writes = [
  '31c08ed88ec08ed0bc007cfcfb', //     segments and stack
  '88165d7c', //                       mov [drive], dl
  'be007de82e00', //                   print the hello at 0x7d00
  'bf007e31c0b90001f3ab', //           fill 0x7e00 with a sector of zeros
  'be807dbf007eacaa84c075fa', //       copy what is to be written from 0x7d80 there
  'bee07db44330c08a165d7ccd13', //     int 13h, ah = 43h: write as the packet at 0x7de0 says
  '7206bea07de80300', //               if that went well, print the text at 0x7da0
  'f4ebfd', //                         halt, and halt again
  'ac84c0741288c3', //                 print: until a zero byte,
  'bafd03eca82074fb88d8baf803eeebe9', // wait for COM1, send the byte
  'c3',
].join('')

const place = { hello: 0x100, written: 0x180, done: 0x1a0, packet: 0x1e0, signature: 0x1fe }
const bufferAddress = 0x7e00

/** What the guest prints last. */
export const idles = 'has written'

/** A boot sector that prints `hello from NAME`, writes to the second sector, prints that it has, and idles for ever. */
export const bootSector = (name: string): Buffer => {
  const sector = Buffer.alloc(sectorBytes)
  sector.write(writes, 'hex')
  sector.write(`hello from ${name}\r\n`, place.hello)
  sector.write(guestWrites, place.written)
  sector.write(`${idles}\r\n`, place.done)
  return finished(sector)
}

/** Tells the BIOS to move sector 1, and that it may boot from here. */
const finished = (sector: Buffer): Buffer => {
  sector.writeUInt16LE(16, place.packet)
  sector.writeUInt16LE(1, place.packet + 2) // one sector,
  sector.writeUInt32LE(bufferAddress, place.packet + 4) // this memory,
  sector.writeUInt32LE(1, place.packet + 8) // sector 1
  sector.writeUInt16LE(0xaa55, place.signature)
  return sector
}

const reads = [
  '31c08ed88ec08ed0bc007cfcfb', // segments and stack
  '8816007d', //                   mov [drive], dl
  'bee07db4428a16007dcd13', //     int 13h, ah = 42h: read as the packet at 0x7de0 says
  'b32172048a1e007e', //           the first byte of what was read, or ! if nothing was
  'bafd03eca82074fb88d8baf803ee', // wait for COM1, send it
  'f4ebdc', //                     wait for a tick of the clock, and again
].join('')

/** A boot sector that reads the second sector again and again, and prints its first byte each time. */
export const readingBootSector = (): Buffer => {
  const sector = Buffer.alloc(sectorBytes)
  sector.write(reads, 'hex')
  return finished(sector)
}
