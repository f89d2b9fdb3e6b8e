import type { Qmp } from './qmp.ts'

interface Status {
  readonly running: boolean
  readonly status: string
}

const statusOf = (qmp: Qmp): Promise<Status> => qmp.execute<Status>('query-status')

/** Whether the guest has switched itself off, and QEMU was told to stay. */
export const isSwitchedOff = async (qmp: Qmp): Promise<boolean> => (await statusOf(qmp)).status === 'shutdown'

/** Presses the reset button, also of a guest that is switched off; from now on it ends the process again when it switches itself off. */
export const reset = async (qmp: Qmp): Promise<void> => {
  await qmp.execute('set-action', { shutdown: 'poweroff' })
  await qmp.execute('system_reset')
  if (!(await statusOf(qmp)).running) await qmp.execute('cont')
}

/** Ends a pause that nobody asked for: of a restart that was interrupted, or of a disk that was full. */
export const resume = async (qmp: Qmp): Promise<void> => {
  const { running, status } = await statusOf(qmp)
  if (status === 'shutdown') await reset(qmp)
  else if (!running) await qmp.execute('cont')
}

/** Whether somebody in the guest has opened the agent's port. */
export const hasAgent = async (qmp: Qmp): Promise<boolean> => {
  const ports = await qmp.execute<{ readonly label: string; readonly 'frontend-open': boolean }[]>('query-chardev')
  return ports.some(port => port.label === 'agent' && port['frontend-open'])
}
