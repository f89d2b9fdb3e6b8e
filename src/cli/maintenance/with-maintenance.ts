import { dataFolderOf } from '../client/server-access.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'
import type { Maintenance } from './maintenance.ts'

/** Hands over the running server's maintenance or, where no server has the data folder, our own. */
export const withMaintenance = async (
  shell: Shell,
  options: DataOption,
  work: (maintenance: Maintenance) => Promise<void>,
): Promise<void> => {
  const isElsewhere = Boolean(shell.env.OPENGALLERY_URL)
  if (!isElsewhere) {
    const { withLocalRegions } = await import('./local-regions.ts')
    if (await withLocalRegions(dataFolderOf(options, shell.env), shell, work)) return
  }
  await withClient(shell, options, async ({ admin }) => {
    await work({
      regions: async () => (await admin.status()).regions.map(region => region.name),
      verify: (region, wish) => admin.verify(region, wish),
      signatures: () => admin.signatures(),
      collect: (region, isDryRun) => admin.collect(region, isDryRun),
    })
  })
}
