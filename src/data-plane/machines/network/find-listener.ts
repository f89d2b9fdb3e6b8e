import * as fs from 'node:fs/promises'
import type { Forward } from '../machines.ts'

export interface Listener {
  /** `sshd (process 812)`, or `another user's process`: only root sees whose sockets those are. */
  readonly name: string
  /** It listens on all addresses of the host at once. */
  readonly isEverywhere: boolean
}

/** `0500000A:0016` in /proc/net/tcp is 10.0.0.5:22: the address as a number of this machine, little-endian. */
const local = (address: string, port: number) => {
  const hex = address
    .split('.')
    .map(part => Number(part).toString(16).padStart(2, '0'))
    .reverse()
    .join('')
  return `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
}

/** The sockets of a table of /proc/net that listen, by what they are bound to. */
const listening = async (table: string): Promise<Map<string, string>> => {
  const text = await fs.readFile(`/proc/net/${table}`, 'utf8').catch(() => '')
  const rows = text
    .split('\n')
    .slice(1)
    .map(line => line.trim().split(/\s+/))
  const state = table.startsWith('tcp') ? '0A' : '07'
  return new Map(rows.filter(row => row[3] === state).map(row => [row[1] ?? '', row[9] ?? '']))
}

const ownerOf = async (inode: string): Promise<string> => {
  const ids = (await fs.readdir('/proc')).filter(name => /^\d+$/.test(name))
  for (const id of ids) {
    const names = await fs.readdir(`/proc/${id}/fd`).catch(() => [])
    for (const name of names) {
      const target = await fs.readlink(`/proc/${id}/fd/${name}`).catch(() => '')
      if (target !== `socket:[${inode}]`) continue
      const command = await fs.readFile(`/proc/${id}/comm`, 'utf8').catch(() => 'a process')
      return `${command.trim()} (process ${id})`
    }
  }
  return 'another user’s process'
}

/** Who listens at this address and port, on Linux. `undefined` when nobody seems to. */
export const findListener = async ({ protocol, address, port }: Forward): Promise<Listener | undefined> => {
  const [v4, v6] = await Promise.all([listening(protocol), listening(`${protocol}6`)])
  const own = v4.get(local(address, port))
  const all = v4.get(local('0.0.0.0', port)) ?? v6.get(`${'0'.repeat(32)}:${local(address, port).split(':')[1]}`)
  const inode = own ?? all
  return inode === undefined ? undefined : { name: await ownerOf(inode), isEverywhere: own === undefined }
}
