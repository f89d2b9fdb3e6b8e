/** The user that QEMU runs as. */
export interface Unprivileged {
  readonly uid: number
  readonly gid: number
  /** Further groups: that of /dev/kvm. */
  readonly groups?: readonly number[]
}

/** What a supervisor is called in the list of processes. */
export const supervisorName = 'opengallery-machine'

/** Processes and threads of all machines together: their user is one. What ourselves are is not bounded, for others are that too. */
const maxTasks = 16_384

/** Of each log, the end is kept: between this and twice as much. */
const usualLogBytes = 512 * 1024

/**
 * Stands beside QEMU as long as it runs, whatever becomes of us: keeps the end of what the guest's serial port (descriptor 3) and QEMU
 * itself say, which process it is, and how that ended (QEMU's own `-pidfile` wants to know where it is, which folders above may deny). `dd` moves byte by byte, because it counts reads and not bytes, and a read of a pipe brings what is
 * there: the guest is slowed down to what it can take, and no log grows.
 */
const script = `umask 077
run=$1 kept=$2; shift 2
keep() {
  while dd bs=1 count=$kept of="$run/$1.new" 2>/dev/null && [ "$(wc -c <"$run/$1.new")" -ge "$kept" ]; do
    mv "$run/$1.new" "$run/$1.old"
  done
}
note() { echo "$2" >"$run/$1.new"; mv "$run/$1.new" "$run/$1"; }
{ { "$@" </dev/null >/dev/null 2>&4 4>&- & note pid $!; wait $!; note exit $?; } 4>&1 | keep qemu 3>&-; } 3>&1 | keep serial`

/**
 * The command that runs QEMU under its supervisor, without our rights and within limits. `runFolder` is relative to the working
 * directory, in which QEMU finds all of its files by relative names: folders above need not be open to it.
 */
export const supervised = (
  qemu: readonly string[],
  parts: {
    readonly runFolder: string
    readonly user: Unprivileged | undefined
    readonly maxAddressBytes: number
    readonly keptLogBytes?: number
  },
): string[] => [
  ...(parts.user ? asUser(parts.user) : ['setpriv', '--no-new-privs']),
  ...['prlimit', '--core=0', '--nofile=8192', `--as=${parts.maxAddressBytes}`],
  ...(parts.user ? [`--nproc=${maxTasks}`] : []),
  ...['sh', '-c', script, supervisorName, parts.runFolder, String(parts.keptLogBytes ?? usualLogBytes)],
  ...qemu,
]

/** All that is left of root is the right to listen on ports below 1024, for the guest's ssh. */
export const asUser = ({ uid, gid, groups = [] }: Unprivileged): string[] => [
  'setpriv',
  `--reuid=${uid}`,
  `--regid=${gid}`,
  groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
  '--no-new-privs',
  '--inh-caps=-all,+net_bind_service',
  '--ambient-caps=-all,+net_bind_service',
  '--bounding-set=-all,+net_bind_service',
]
