/** The few forms of ASN.1's DER that a certificate is made of. Each function returns a whole element: tag, length, content. */
const element = (tag: number, ...content: Uint8Array[]): Buffer => {
  const body = Buffer.concat(content)
  const size = body.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

export const sequence = (...items: Uint8Array[]): Buffer => element(0x30, ...items)
export const set = (...items: Uint8Array[]): Buffer => element(0x31, ...items)
export const octets = (bytes: Uint8Array): Buffer => element(0x04, bytes)
export const yes: Buffer = element(0x01, Buffer.from([0xff]))
export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text))
/** `unusedBits` is the number of bits of the last byte that don't belong to the string. */
export const bits = (bytes: Uint8Array, unusedBits = 0): Buffer => element(0x03, Buffer.from([unusedBits]), bytes)
/** A context-specific element that holds others. */
export const wrapped = (number: number, ...items: Uint8Array[]): Buffer => element(0xa0 + number, ...items)
/** A context-specific element that holds plain bytes. */
export const tagged = (number: number, bytes: Uint8Array): Buffer => element(0x80 + number, bytes)

/** A positive integer from its big-endian bytes. */
export const integer = (bytes: Uint8Array): Buffer => {
  const start = bytes.findIndex(byte => byte !== 0)
  const digits = start < 0 ? Buffer.from([0]) : bytes.subarray(start)
  return element(0x02, (digits[0] as number) > 127 ? Buffer.from([0]) : Buffer.alloc(0), digits)
}

export const objectId = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

const base128 = (value: number): number[] =>
  value < 128 ? [value] : [...base128(Math.floor(value / 128)).map(byte => byte | 0x80), value % 128]

/** Two digits of the year until 2049, four from then on, as RFC 5280 section 4.1.2.5 demands. */
export const time = (date: Date): Buffer => {
  const digits = `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
  return date.getUTCFullYear() < 2050 ? element(0x17, Buffer.from(digits.slice(2))) : element(0x18, Buffer.from(digits))
}
