import type { Database, Transaction } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import { DirectoryRefused } from './directory-refused.ts'
import type { FederatedCredentialRow, IdentityTables } from './identity-tables.ts'

/** A program may show a token of another issuer instead of a secret, if it says exactly this. */
export interface FederatedWords {
  readonly name: string
  readonly issuer: string
  readonly subject: string
  readonly audience: string
  readonly description: string | null
}

export interface FederatedCredential extends FederatedWords {
  readonly credentialId: string
}

/** The trust of applications and managed identities in tokens that are made elsewhere. */
export interface FederatedCredentials {
  of(objectId: string): Promise<FederatedCredential[]>
  /** Adds one, and refuses a name that is there, be it in other letters. */
  add(objectId: string, words: FederatedWords): Promise<FederatedCredential>
  /** Adds one, or changes the one of the same name; in the caller's transaction if there is one. */
  put(objectId: string, words: FederatedWords, transaction?: Transaction): Promise<FederatedCredential>
  remove(objectId: string, name: string, transaction?: Transaction): Promise<void>
  /** What the program with this application id trusts. */
  trustedBy(appId: string): Promise<FederatedCredential[]>
}

const mostCredentials = 20
const mostLength = 600

const credentialOf = (row: FederatedCredentialRow): FederatedCredential => ({
  credentialId: row.credential_id,
  name: row.name,
  issuer: row.issuer,
  subject: row.subject,
  audience: row.audience,
  description: row.description,
})

export const openFederatedCredentials = (database: Database, random: Random): FederatedCredentials => {
  const within = <T>(transaction: Transaction | undefined, work: (transaction: Transaction) => Promise<T>) =>
    transaction ? work(transaction) : database.transact(work)
  const rowsOf = async (objectId: string, tables = database.as<IdentityTables>()) => {
    const query = tables.selectFrom('identity_federated_credential').selectAll().where('object_id', '=', objectId)
    return query.orderBy('name').execute()
  }

  const addWithin = async (transaction: Transaction, objectId: string, words: FederatedWords) => {
    const same = sameName(await rowsOf(objectId, transaction.as<IdentityTables>()), words)
    if (same)
      throw new DirectoryRefused(`A federated identity credential '${same.name}' exists already.`, {
        fault: 'conflict',
      })
    return putWithin(transaction, objectId, words)
  }
  const putWithin = async (transaction: Transaction, objectId: string, words: FederatedWords) => {
    requireWords(words)
    const tables = transaction.as<IdentityTables>()
    const rows = await rowsOf(objectId, tables)
    const same = sameName(rows, words)
    const rival = rows.find(({ issuer, subject }) => issuer === words.issuer && subject === words.subject)
    if (rival && rival !== same)
      throw new DirectoryRefused(
        `Issuer and subject combination already exists for this application: '${rival.name}'.`,
        { fault: 'conflict' },
      )
    if (!same && rows.length >= mostCredentials)
      throw new DirectoryRefused(`There are at most ${mostCredentials} federated identity credentials.`)
    const row = { ...words, object_id: objectId, credential_id: same?.credential_id ?? random.uuid() }
    const insert = tables.insertInto('identity_federated_credential').values(row)
    await insert.onConflict(conflict => conflict.column('credential_id').doUpdateSet(words)).execute()
    return credentialOf(row)
  }

  return {
    of: async objectId => (await rowsOf(objectId)).map(credentialOf),
    add: (objectId, words) => database.transact(transaction => addWithin(transaction, objectId, words)),
    put: (objectId, words, transaction) => within(transaction, transaction => putWithin(transaction, objectId, words)),
    async remove(objectId, name, transaction) {
      const { numDeletedRows } = await (transaction ?? database)
        .as<IdentityTables>()
        .deleteFrom('identity_federated_credential')
        .where('object_id', '=', objectId)
        .where('name', '=', name)
        .executeTakeFirst()
      if (Number(numDeletedRows) === 0 && !transaction)
        throw new DirectoryRefused(`There is no federated identity credential '${name}'.`, { fault: 'missing' })
    },
    async trustedBy(appId) {
      const tables = database.as<IdentityTables>()
      const application = tables.selectFrom('identity_application').select('object_id').where('app_id', '=', appId)
      const identity = tables
        .selectFrom('identity_principal')
        .select('object_id')
        .where('app_id', '=', appId)
        .where('kind', '=', 'ManagedIdentity')
      const query = tables.selectFrom('identity_federated_credential').selectAll()
      const rows = await query.where('object_id', 'in', application.union(identity)).execute()
      return rows.map(credentialOf)
    },
  }
}

const sameName = (rows: readonly FederatedCredentialRow[], words: FederatedWords) =>
  rows.find(({ name }) => name.toLowerCase() === words.name.toLowerCase())

const requireWords = ({ name, issuer, subject, audience }: FederatedWords): void => {
  if (!/^[A-Za-z0-9][\w-]{2,119}$/.test(name))
    throw new DirectoryRefused(
      "The name of a federated identity credential has 3 to 120 letters, digits, '-' and '_', and begins with a letter or digit.",
    )
  for (const [what, value] of Object.entries({ issuer, subject, audience }))
    if (value === '' || value.length > mostLength)
      throw new DirectoryRefused(`The ${what} of a federated identity credential has 1 to ${mostLength} characters.`)
  if (!URL.canParse(issuer)) throw new DirectoryRefused('The issuer of a federated identity credential is a URL.')
}
