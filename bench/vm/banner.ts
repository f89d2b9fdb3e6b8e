import * as net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** At one time: dropbear refuses the sixth of one address. */
const connections = 4

/**
 * Waits until an SSH server at an address names itself, and returns what it said. A forward of QEMU's accepts before its guest listens,
 * and then asks inwards ever more seldom: so every `intervalMs` another connection is tried, and the oldest given up. Throws when
 * `signal` aborts.
 */
export const sshBanner = async (
  { address, port = 22 }: { readonly address: string; readonly port?: number },
  intervalMs: number,
  signal: AbortSignal,
): Promise<string> => {
  const found = Promise.withResolvers<string>()
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  try {
    for (;;) {
      signal.throwIfAborted()
      hear(port, address, intervalMs * connections, either, found.resolve)
      const said = await Promise.race([found.promise, sleep(intervalMs, undefined, { signal: either })])
      if (said !== undefined) return said
    }
  } finally {
    over.abort()
  }
}

/** Emulated machines that share the processors are slower the more they are. */
export const intervalOf = (machines: number): number => 200 * Math.ceil(machines / 4)

const hear = (port: number, address: string, limitMs: number, signal: AbortSignal, tell: (said: string) => void) => {
  let said = ''
  const socket = net.connect(port, address)
  const end = () => socket.destroy()
  const timer = setTimeout(end, limitMs)
  signal.addEventListener('abort', end, { once: true })
  socket.on('data', data => {
    said = `${said}${data.toString('latin1')}`.slice(0, 255)
    if (!said.includes('\n')) return
    if (said.startsWith('SSH-2.0-')) tell(said.slice(0, said.indexOf('\n')).trimEnd())
    end()
  })
  socket.on('error', end)
  socket.on('close', () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  })
}
