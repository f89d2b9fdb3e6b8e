/** A frame as a guest's DHCP client sends it. For tests. */
export const dhcpFrame = (asks: {
  readonly kind: number
  readonly mac: string
  readonly address?: string
  readonly server?: string
  readonly current?: string
  readonly wantsBroadcast?: boolean
}): Buffer => {
  const mac = Buffer.from(asks.mac.replaceAll(':', ''), 'hex')
  const ip = (text: string) => Buffer.from(text.split('.').map(Number))
  const message = Buffer.alloc(240)
  message.set([1, 1, 6, 0])
  message.writeUInt32BE(0xcafe0001, 4)
  message.writeUInt16BE(asks.wantsBroadcast ? 0x8000 : 0, 10)
  if (asks.current) message.set(ip(asks.current), 12)
  message.set(mac, 28)
  message.writeUInt32BE(0x63825363, 236)
  const options = [Buffer.from([53, 1, asks.kind, 0, 55, 3, 1, 3, 6])]
  if (asks.address) options.push(Buffer.concat([Buffer.from([50, 4]), ip(asks.address)]))
  if (asks.server) options.push(Buffer.concat([Buffer.from([54, 4]), ip(asks.server)]))
  const body = Buffer.concat([message, ...options, Buffer.from([255])])
  const heads = Buffer.alloc(42)
  heads.fill(0xff, 0, 6)
  heads.set(mac, 6)
  heads.set([8, 0, 0x45], 12)
  heads.writeUInt16BE(28 + body.length, 16)
  heads.set([64, 17], 22)
  heads.fill(0xff, 30, 34)
  heads.writeUInt16BE(68, 34)
  heads.writeUInt16BE(67, 36)
  heads.writeUInt16BE(8 + body.length, 38)
  return Buffer.concat([heads, body])
}

/** What an answer says, where the options stand behind the first four. For tests. */
export const readAnswer = (frame: Buffer) => {
  const message = frame.subarray(42)
  const options = new Map<number, string>()
  for (let at = 240; message[at] !== 255; at += 2 + (message[at + 1] ?? 0))
    options.set(message[at] ?? 0, message.toString('hex', at + 2, at + 2 + (message[at + 1] ?? 0)))
  return {
    to: frame.toString('hex', 0, 6),
    toAddress: [...frame.subarray(30, 34)].join('.'),
    from: [...frame.subarray(26, 30)].join('.'),
    transaction: message.readUInt32BE(4),
    address: [...message.subarray(16, 20)].join('.'),
    options,
  }
}
