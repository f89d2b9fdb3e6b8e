import * as fs from 'node:fs/promises'
import { PackageMissing } from './debian-packages.ts'
import { runTool } from './run-tool.ts'

/** This machine's own release of Debian, and where its packages come from. */
export interface DebianRelease {
  readonly suite: string
  /** Lines as in `sources.list`. */
  readonly sources: readonly string[]
}

const format = '$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)'

export const thisRelease = async (signal?: AbortSignal): Promise<DebianRelease> => {
  const targets = await runTool('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], { signal })
  return releaseOf(await fs.readFile('/etc/os-release', 'utf8'), targets)
}

/**
 * The release by `/etc/os-release`, and of all that apt knows what Debian itself has for it: the release, its updates and its security
 * updates, from this machine's own mirrors. Backports, other releases and other vendors stay out.
 */
export const releaseOf = (osRelease: string, indexTargets: string): DebianRelease => {
  const [, suite] = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(osRelease) ?? []
  if (!/^ID="?debian"?$/m.test(osRelease) || suite === undefined)
    throw new PackageMissing(
      'The debian image is built on a release of Debian. Elsewhere: opengallery catalog fetch Debian12',
    )
  const ofSuite = [suite, `${suite}-updates`, `${suite}-security`]
  const lines = indexTargets.split('\n').flatMap(line => {
    const [origin, codename = '', address, release, component] = line.split('|')
    const isWanted = origin === 'Debian' && component === 'main' && ofSuite.includes(codename)
    return isWanted ? [`deb ${address} ${release} ${component}`] : []
  })
  if (lines.length === 0) throw new PackageMissing(`apt has no lists of Debian's ${suite}. Try: sudo apt-get update`)
  return { suite, sources: [...new Set(lines)] }
}
