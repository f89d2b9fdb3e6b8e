import type { Json } from '#resources/resource-document.ts'
import { armError } from '../arm-error.ts'
import { isObject } from '../read-body.ts'

const MAX_TAGS = 50
const MAX_NAME = 512
const MAX_VALUE = 256

/** Tags as ARM takes them: at most 50, names unique in any case and without `<>%&\?/`. Throws `InvalidTags`. */
export const readTags = (given: Json): Record<string, string> => {
  if (!isObject(given)) throw armError.wrongType(JSON.stringify(given).slice(0, 200), 'Dictionary', 'tags')
  const tags: [string, string][] = [] // an object could not be given a tag named __proto__ bit by bit
  const seen = new Set<string>()
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    checkTag(name, value)
    if (seen.has(name.toLowerCase())) throw armError.invalidTags(`The tag name '${name}' is given more than once.`)
    seen.add(name.toLowerCase())
    tags.push([name, value as string])
  }
  if (seen.size > MAX_TAGS)
    throw armError.invalidTags(`The number of tags '${seen.size}' exceeds the maximum of '${MAX_TAGS}'.`)
  return Object.fromEntries(tags)
}

const checkTag = (name: string, value: Json): void => {
  if (name.length === 0 || name.length > MAX_NAME)
    throw armError.invalidTags(`The tag name '${name.slice(0, 60)}' must have 1 to ${MAX_NAME} characters.`)
  if (/[<>%&\\?/]/.test(name))
    throw armError.invalidTags(`The tag name '${name}' has reserved characters '<,>,%,&,\\,?,/' or control characters.`)
  if (typeof value !== 'string') throw armError.wrongType(JSON.stringify(value).slice(0, 200), 'String', `tags.${name}`)
  if (value.length > MAX_VALUE)
    throw armError.invalidTags(`The value of tag '${name}' exceeds the maximum of '${MAX_VALUE}' characters.`)
}
