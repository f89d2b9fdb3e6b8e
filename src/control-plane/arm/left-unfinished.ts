/**
 * The process is leaving, and the work that a request began goes on after the next start. So does whoever waited for it: it can't tell
 * yet what became of that.
 */
export class LeftUnfinished extends Error {
  override readonly name = 'LeftUnfinished'
  constructor(path: string) {
    super(`${path} is not finished.`)
  }
}
