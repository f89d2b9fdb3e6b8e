import type { RegionCollected, RegionVerified } from '../client/server-admin.ts'

/** Care for the stored bytes, by the server that runs or, where none does, by ourselves. */
export interface Maintenance {
  regions(): Promise<readonly string[]>
  verify(
    region: string,
    isRepair: boolean,
    onProgress: (doneBytes: number, totalBytes: number) => void,
  ): Promise<RegionVerified>
  collect(region: string, isDryRun: boolean): Promise<RegionCollected>
}
