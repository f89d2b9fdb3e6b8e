import { DocumentChanged } from '#resources/resources.ts'
import { armError } from '../arm-error.ts'

const ATTEMPTS = 4

/**
 * Runs a verb, and again from the start when another writer came first: rules are applied to what is there now, never to what was
 * read before. A client that named the version it meant is told at once.
 */
export const decideAnew = async <T>(verb: () => Promise<T>, isForOneVersion = false): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await verb()
    } catch (error) {
      if (!(error instanceof DocumentChanged)) throw error
      if (attempt === ATTEMPTS || isForOneVersion) throw armError.concurrentChange()
    }
  }
}
