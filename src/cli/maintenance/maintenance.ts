import type { RegionCollected, RegionVerified, SignatureCounts } from '../client/server-admin.ts'

/** Care for the stored bytes, by the server that runs or, where none does, by ourselves. */
export interface Maintenance {
  regions(): Promise<readonly string[]>
  verify(
    region: string,
    wish: { readonly heals: boolean; readonly deep: boolean },
    onProgress: (doneBytes: number, totalBytes: number) => void,
  ): Promise<RegionVerified>
  collect(region: string, isDryRun: boolean): Promise<RegionCollected>
  /** Only a server knows what the versions are that bytes belong to. */
  signatures?(): Promise<SignatureCounts>
}
