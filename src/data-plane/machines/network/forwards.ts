import * as net from 'node:net'
import type { Forward, MachineSpec } from '../machines.ts'
import { findListener } from './find-listener.ts'
import { forwardRule, managementNetdev } from './network-arguments.ts'

/** Sends one line to QEMU's human monitor and gives its answer (`human-monitor-command` of QMP). */
export type Monitor = (line: string) => Promise<string>

/** An address and port of this host that a machine needs and can't have. */
export class ForwardTaken extends Error {
  override readonly name = 'ForwardTaken'
  readonly forward: Forward
  constructor(forward: Forward, message: string) {
    super(message)
    this.forward = forward
  }
}

type Nics = Pick<MachineSpec, 'nics'>

const outside = ({ protocol, address, port }: Forward) => `${protocol}:${address}:${port}`
const forwardsOf = ({ nics }: Nics) => new Map(nics.flatMap(nic => nic.forwards).map(each => [outside(each), each]))

const taken = async (forward: Forward): Promise<ForwardTaken> => {
  const { protocol, address, port } = forward
  const owner = await findListener(forward)
  if (!owner) {
    const advice =
      port < 1024
        ? `ports below 1024 need the capability CAP_NET_BIND_SERVICE or net.ipv4.ip_unprivileged_port_start=${port}`
        : 'nobody was found to listen there: is the address one of this host?'
    return new ForwardTaken(forward, `${address}:${port} (${protocol}) can't be opened: ${advice}.`)
  }
  const advice = owner.isEverywhere
    ? `It listens on every address of this host, also on those of machines. Let it listen on the host's own address only` +
      `${port === 22 ? ' (ListenAddress in sshd_config)' : ''}, or choose another address range than 127/8 for public addresses.`
    : 'Stop it, or give the machine another public address.'
  return new ForwardTaken(forward, `${address}:${port} (${protocol}) is taken by ${owner.name}. ${advice}`)
}

/**
 * Before a machine starts: throws `ForwardTaken` for the first of its TCP forwards that another process has, because QEMU itself would
 * only say that it could not set up a rule. What lacks a permission is left to QEMU, which may have more of them than we do.
 */
export const checkForwards = async (spec: Nics): Promise<void> => {
  for (const forward of forwardsOf(spec).values()) {
    if (forward.protocol === 'tcp' && (await isInUse(forward))) throw await taken(forward)
  }
}

const isInUse = ({ address, port }: Forward) =>
  new Promise<boolean>(resolve => {
    const server = net.createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'))
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(false)))
  })

/**
 * Takes the machine's forwards from `before` to `after` while it runs: first removes, then adds. What is there already, or gone, is not
 * an error. Throws `ForwardTaken`; those that came before it stay, and the same call may be made again.
 */
export const changeForwards = async (monitor: Monitor, before: Nics, after: Nics): Promise<void> => {
  const [old, wanted] = [forwardsOf(before), forwardsOf(after)]
  for (const rule of old.keys()) if (!wanted.has(rule)) await monitor(`hostfwd_remove ${managementNetdev} ${rule}`)
  const present = new Set(readForwards(await monitor('info usernet')))
  for (const [rule, forward] of wanted) {
    if (present.has(rule)) continue
    const answer = await monitor(`hostfwd_add ${managementNetdev} ${forwardRule(forward)}`)
    if (answer.trim() !== '') throw await taken(forward)
  }
}

/** `tcp:127.10.0.5:22` of each rule in the answer to `info usernet`. */
export const readForwards = (answer: string): string[] =>
  [...answer.matchAll(/^\s*(TCP|UDP)\[HOST_FORWARD\]\s+\d+\s+(\S+)\s+(\d+)\s/gm)].map(
    ([, protocol = '', address, port]) => `${protocol.toLowerCase()}:${address}:${port}`,
  )

/** What went wrong where QEMU ended with these last words, if it was a forward. */
export const explainForward = async (lastWords: string, spec: Nics): Promise<ForwardTaken | undefined> => {
  const rule = /[Cc]ould not set up host forwarding rule '([^']+)'/.exec(lastWords)?.[1]
  const forward = [...forwardsOf(spec).values()].find(each => rule === forwardRule(each))
  return forward && taken(forward)
}
