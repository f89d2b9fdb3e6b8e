import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'

/** The key that signs where the activity log ends: in a file that only its owner can read, made when it is first wanted. */
export const openActivityKey = async (files: Files, file: string): Promise<KeyObject> => {
  if (await files.exists(file)) return createPrivateKey(await readWhole(files, file))
  const { privateKey } = generateKeyPairSync('ed25519')
  await replaceFile(files, file, Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' })))
  return privateKey
}
