import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import type { Clock } from '#foundation/clock.ts'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import { type Envelope, PAYLOAD_TYPE, type PublicImageKey, publicHalf, signedBytes } from './envelope.ts'

/** The keys by which this installation vouches for its image versions: one that signs, and all that ever did, for checking. */
export interface ImageKeys {
  sign(payload: Uint8Array): Envelope
  /** The public halves, the one that signs first. */
  all(): readonly (PublicImageKey & { readonly since: string; readonly until?: string })[]
  /** Signs with a new key from now on; who asks while that is under way waits for the same key. The private half of the former one is gone; what it signed stays good. */
  rotate(): Promise<void>
}

interface KeyRecord {
  readonly keyid: string
  readonly publicKey: string
  readonly since: string
  /** Since when another one signs. */
  readonly until?: string
  /** PEM; only of the one that signs. */
  readonly privateKey?: string
}

/**
 * The keys in a file that only its owner can read, apart from the database: who can write to one of them can't yet vouch for anything.
 * The first is made when there is none.
 */
export const openImageKeys = async (
  file: string,
  { files, clock }: { files: Files; clock: Clock },
): Promise<ImageKeys> => {
  const isNew = !(await files.exists(file))
  const known = isNew ? [newKey(clock.now())] : readKeys(await readWhole(files, file))
  const save = (keys: readonly KeyRecord[]) =>
    replaceFile(files, file, Buffer.from(`${JSON.stringify({ format: 1, keys }, null, 2)}\n`))
  if (isNew) await save(known)
  return keysOver(known, save, clock)
}

/** The public halves in a file of keys, the one that signs first; none where there is no file. */
export const readPublicKeys = async (file: string, files: Files): Promise<readonly PublicImageKey[]> =>
  (await files.exists(file))
    ? readKeys(await readWhole(files, file)).map(({ keyid, publicKey }) => ({ keyid, publicKey }))
    : []

/** Keys that live no longer than the process. */
export const passingImageKeys = (clock: Clock): ImageKeys => keysOver([newKey(clock.now())], async () => {}, clock)

const keysOver = (
  known: readonly KeyRecord[],
  save: (keys: readonly KeyRecord[]) => Promise<void>,
  clock: Clock,
): ImageKeys => {
  let keys = known
  const replace = async () => {
    const until = clock.now().toISOString()
    const former = keys.map(({ privateKey, ...key }) => ({ ...key, until: key.until ?? until }))
    const next = [newKey(clock.now()), ...former]
    await save(next)
    keys = next
  }
  let replacing: Promise<void> | undefined
  return {
    sign(payload) {
      const { keyid, privateKey = '' } = keys[0] as KeyRecord
      const sig = sign(null, signedBytes(payload), createPrivateKey(privateKey)).toString('base64')
      return {
        payloadType: PAYLOAD_TYPE,
        payload: Buffer.from(payload).toString('base64'),
        signatures: [{ keyid, sig }],
      }
    },
    all: () => keys.map(({ privateKey, ...key }) => key),
    rotate() {
      replacing ??= replace().finally(() => {
        replacing = undefined
      })
      return replacing
    },
  }
}

/** The file can't be read: nothing is signed anew before somebody has looked, or all that is signed would lose its key. */
export class ImageKeysDamaged extends Error {
  override readonly name = 'ImageKeysDamaged'
}

const readKeys = (bytes: Buffer): KeyRecord[] => {
  try {
    const { keys } = JSON.parse(bytes.toString()) as { keys: KeyRecord[] }
    createPrivateKey(keys[0]?.privateKey ?? '')
    return keys
  } catch (error) {
    throw new ImageKeysDamaged(
      'The file of the keys that sign image versions can not be read. Put back a copy of it.',
      {
        cause: error,
      },
    )
  }
}

const newKey = (now: Date): KeyRecord => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { spki, publicKey } = publicHalf(privateKey)
  const keyid = createHash('sha256').update(spki).digest('hex')
  return {
    keyid,
    publicKey,
    since: now.toISOString(),
    privateKey: String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
  }
}
