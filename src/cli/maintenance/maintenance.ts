import { dataFolderOf } from '../client/server-access.ts'
import type { RegionCollected, RegionVerified } from '../client/server-admin.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'

/** Care for the stored bytes, by the server that runs or, where none does, by ourselves. */
export interface Maintenance {
  regions(): Promise<readonly string[]>
  verify(region: string, onProgress: (doneBytes: number, totalBytes: number) => void): Promise<RegionVerified>
  collect(region: string, isDryRun: boolean): Promise<RegionCollected>
}

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
      verify: region => admin.verify(region),
      collect: (region, isDryRun) => admin.collect(region, isDryRun),
    })
  })
}
