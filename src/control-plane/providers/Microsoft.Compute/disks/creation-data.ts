import type { CreationData } from './disk-document.ts'
import { diskError } from './disk-errors.ts'

type Member = Exclude<keyof CreationData, 'createOption' | 'sourceUniqueId'>

// What each option that is served needs, and what it may have beside.
const options: Readonly<Record<string, { readonly needs: readonly Member[]; readonly takes: readonly Member[] }>> = {
  Empty: { needs: [], takes: [] },
  Upload: { needs: [], takes: ['uploadSizeBytes'] },
  Import: { needs: ['sourceUri'], takes: ['sourceUri', 'storageAccountId'] },
  Copy: { needs: ['sourceResourceId'], takes: ['sourceResourceId'] },
  FromImage: { needs: [], takes: ['imageReference', 'galleryImageReference'] },
}

const members: readonly Member[] = [
  'sourceUri',
  'storageAccountId',
  'sourceResourceId',
  'imageReference',
  'galleryImageReference',
  'uploadSizeBytes',
]

/** Throws unless the createOption is served and has the members that belong to it, and no others. */
export const checkCreationData = (data: CreationData, served: readonly string[]): void => {
  const { createOption } = data
  const option = options[createOption]
  if (!option || !served.includes(createOption)) throw diskError.createOptionNotServed(createOption)
  const missing = option.needs.find(member => data[member] === undefined)
  if (missing) throw diskError.optionRequires(missing, createOption)
  const surplus = members.find(member => data[member] !== undefined && !option.takes.includes(member))
  if (surplus) throw diskError.optionForbids(surplus, createOption)
  if (createOption === 'FromImage') checkImageReference(data)
}

const checkImageReference = ({ imageReference, galleryImageReference }: CreationData): void => {
  const reference = imageReference ?? galleryImageReference
  if (!reference) throw diskError.optionRequires('imageReference', 'FromImage')
  if (imageReference && galleryImageReference) throw diskError.optionForbids('galleryImageReference', 'FromImage')
  const { id, sharedGalleryImageId, communityGalleryImageId } = reference
  if (!(id ?? sharedGalleryImageId ?? communityGalleryImageId)) throw diskError.imageReferenceInvalid()
}
