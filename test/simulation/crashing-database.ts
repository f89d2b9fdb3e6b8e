import type { KyselyPlugin, RootOperationNode } from 'kysely'
import type { Database } from '#foundation/database.ts'
import { Crashed, type CrashingDisk } from './crashing-files.ts'

/**
 * The metadata database of a machine that dies at the commit it is told to, just before or just after that became durable. What
 * was committed is there for the next process; what the dead one had not committed rolls back. The disk dies with it.
 */
export class CrashingDatabase {
  readonly #real: Database
  readonly #disk: CrashingDisk
  commits = 0
  /** The commit at which to die. */
  dieAt = Infinity
  when: 'before' | 'after' = 'before'

  constructor(real: Database, disk: CrashingDisk) {
    this.#real = real
    this.#disk = disk
  }

  /** As one process sees it: of no more use once that has died. Queries outside of a transaction are commits of their own. */
  open(): Database {
    const { life } = this.#disk
    const requireAlive = () => {
      if (this.#disk.isDead || this.#disk.life !== life) throw new Crashed('The process is dead.')
    }
    const looking: KyselyPlugin = {
      transformQuery: ({ node }) => {
        requireAlive()
        return node
      },
      transformResult: async ({ result }) => result,
    }
    const writing = this.#committing(requireAlive)
    return {
      as: <Tables>() => this.#real.as<Tables>().withPlugin(writing),
      transact: async work => {
        requireAlive()
        let commit = 0
        const result = await this.#real.transact(async transaction => {
          const result = await work({
            as: <Tables>() => transaction.as<Tables>().withPlugin(looking),
            afterCommit: work => transaction.afterCommit(work),
          })
          requireAlive()
          commit = this.#begin()
          return result
        })
        this.#end(commit)
        requireAlive()
        return result
      },
      migrate: async statements => {
        for (const statement of statements) {
          requireAlive()
          const commit = this.#begin()
          await this.#real.migrate([statement])
          this.#end(commit)
        }
      },
      // The next process finds it as this one leaves it.
      close: async () => {},
    }
  }

  #committing(requireAlive: () => void): KyselyPlugin {
    const commits = new WeakMap<object, number>()
    return {
      transformQuery: ({ node, queryId }) => {
        requireAlive()
        if (isWrite(node)) commits.set(queryId, this.#begin())
        return node
      },
      transformResult: async ({ result, queryId }) => {
        const commit = commits.get(queryId)
        if (commit !== undefined) this.#end(commit)
        requireAlive()
        return result
      },
    }
  }

  #begin(): number {
    const commit = ++this.commits
    if (this.when === 'before' && commit >= this.dieAt) this.#die(commit)
    return commit
  }

  #end(commit: number): void {
    if (this.when === 'after' && commit >= this.dieAt) this.#die(commit)
  }

  #die(commit: number): never {
    this.dieAt = Infinity
    this.#disk.die()
    throw new Crashed(`The process died ${this.when} commit ${commit}.`)
  }
}

const isWrite = (node: RootOperationNode): boolean => node.kind !== 'SelectQueryNode'
