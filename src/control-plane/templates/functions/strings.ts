import type { Json } from '#resources/resource-document.ts'
import { fault } from '../template-fault.ts'
import { isJsonObject } from '../values.ts'
import { formatText } from './format-text.ts'
import { ANY, type Arguments, type Call, type FunctionTable, of } from './function.ts'
import { guidOf, uniqueStringOf } from './hashes.ts'

const MAX_PADDED = 131_072

/** Functions on text; those that work on arrays as well stand in `collections.ts`. */
export const strings: FunctionTable = {
  base64: of(1, 1, given => Buffer.from(given.text(0)).toString('base64')),
  base64ToString: of(1, 1, (given, call) => fromBase64(given.text(0), call)),
  base64ToJson: of(1, 1, (given, call) => parseJson(fromBase64(given.text(0), call), call)),
  dataUri: of(1, 1, given => `data:text/plain;charset=utf8;base64,${Buffer.from(given.text(0)).toString('base64')}`),
  dataUriToString: of(1, 1, (given, call) => fromDataUri(given.text(0), call)),
  endsWith: of(2, 2, given => given.text(0).toLowerCase().endsWith(given.text(1).toLowerCase())),
  format: of(1, ANY, given => formatText(given.text(0), given.all().slice(1))),
  guid: of(1, ANY, given => guidOf(texts(given).join('-'))),
  newGuid: of(0, 0, (_given, { frame }) => {
    if (!frame.isDefault) throw fault.notHere('newGuid')
    return frame.surroundings.newGuid()
  }),
  join: of(2, 2, given => given.array(0).map(shownText).join(given.text(1))),
  json: of(1, 1, (given, call) => parseJson(given.text(0), call)),
  padLeft: of(2, 3, padLeft),
  replace: of(3, 3, replace),
  split: of(2, 2, split),
  startsWith: of(2, 2, given => given.text(0).toLowerCase().startsWith(given.text(1).toLowerCase())),
  string: of(1, 1, (given, { frame }) => {
    frame.budget.spend(frame.budget.sizeOf(given.json(0)))
    return shownText(given.json(0))
  }),
  substring: of(2, 3, substring),
  toLower: of(1, 1, given => given.text(0).toLowerCase()),
  toUpper: of(1, 1, given => given.text(0).toUpperCase()),
  trim: of(1, 1, given => given.text(0).trim()),
  uniqueString: of(1, ANY, given => uniqueStringOf(texts(given).join('-'))),
  uri: of(2, 2, joinUri),
  uriComponent: of(1, 1, given => encodeUri(given.text(0))),
  uriComponentToString: of(1, 1, (given, call) => {
    try {
      return decodeURIComponent(given.text(0))
    } catch {
      throw fault.value(call.name, 'the text is not encoded as a part of a URI.')
    }
  }),
}

const texts = (given: Arguments) => given.values.map((_, position) => given.text(position))

/** A value as text: Azure writes `True` for true, and JSON for what has parts. */
export const shownText = (value: Json): string => {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return value === null ? '' : JSON.stringify(value)
}

const fromBase64 = (text: string, call: Call): string => {
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)) throw fault.value(call.name, 'the text is not in base64.')
  return Buffer.from(text, 'base64').toString()
}

const fromDataUri = (text: string, call: Call): string => {
  const [, options = '', data = ''] = /^data:([^,]*),(.*)$/s.exec(text) ?? []
  if (!text.startsWith('data:') || !text.includes(',')) throw fault.value(call.name, 'the text is no data URI.')
  return /;base64$/i.test(options)
    ? fromBase64(data, call)
    : decodeURIComponent(data.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'))
}

/** The text of a JSON document; its size is that of the text, its depth is bounded where it is measured. */
export const parseJson = (text: string, call: Call): Json => {
  call.frame.budget.spend(text.length)
  try {
    return JSON.parse(text) as Json
  } catch {
    throw fault.value(call.name, 'the text is not valid JSON.')
  }
}

function padLeft(given: Arguments, call: Call): Json {
  const value = given.json(0)
  if (typeof value !== 'string' && typeof value !== 'number') throw given.wrong(0, 'String')
  const length = given.integer(1)
  if (length > MAX_PADDED || length < 0) throw fault.value(call.name, `the length must be 0 to ${MAX_PADDED}.`)
  const filler = given.optionalText(2, ' ')
  if (filler.length !== 1) throw fault.value(call.name, 'the padding must be one character.')
  return String(value).padStart(length, filler)
}

function replace(given: Arguments, call: Call): Json {
  const [text, old, fresh] = [given.text(0), given.text(1), given.text(2)]
  if (old === '') throw fault.value(call.name, 'the text to be replaced must not be empty.')
  const parts = text.split(old)
  // Asked before it is made: many short finds and a long replacement make a giant of two small texts.
  call.frame.budget.spend(text.length + parts.length * fresh.length)
  return parts.join(fresh)
}

function split(given: Arguments, call: Call): Json {
  const delimiters = given.json(1)
  const marks = typeof delimiters === 'string' ? [delimiters] : given.array(1).map(shownText)
  const used = marks.filter(mark => mark !== '')
  call.frame.budget.spend(given.text(0).length * (used.length + 1))
  if (used.length === 0) return [given.text(0)]
  const escaped = used.map(mark => mark.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return given.text(0).split(new RegExp(escaped.join('|'), 'u'))
}

function substring(given: Arguments, call: Call): Json {
  const text = given.text(0)
  const start = given.integer(1)
  const length = given.count > 2 ? given.integer(2) : text.length - start
  if (start < 0 || length < 0 || start + length > text.length)
    throw fault.value(
      call.name,
      `the index and length parameters must refer to a location within the string: the index is '${start}', the length '${length}', and the length of the string '${text.length}'.`,
    )
  return text.slice(start, start + length)
}

/** As .NET joins URIs: the part behind the last slash of the base goes, unless the base ends in one. */
function joinUri(given: Arguments, call: Call): Json {
  try {
    return new URL(given.text(1), given.text(0)).href
  } catch {
    throw fault.value(call.name, 'the base is no absolute URI.')
  }
}

const encodeUri = (text: string): string => {
  const whole = text.toWellFormed()
  return encodeURIComponent(whole).replaceAll(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Whether a value is empty: null, '', [] or {}. */
export const isEmpty = (value: Json): boolean =>
  value === null ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (isJsonObject(value) && Object.keys(value).length === 0)
