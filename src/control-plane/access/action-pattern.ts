/** Whether an action, in lower case, is one of those meant. */
export type ActionTest = (action: string) => boolean

/**
 * The actions that patterns of a role definition stand for: `Microsoft.Compute/galleries/*`. Case does not matter, `*` is any text,
 * slashes included, and may stand anywhere.
 */
export const actionTest = (patterns: readonly string[]): ActionTest => {
  const exact = new Set<string>()
  const open: string[][] = []
  for (const pattern of patterns.map(pattern => pattern.toLowerCase()))
    if (pattern.includes('*')) open.push(pattern.split('*'))
    else exact.add(pattern)
  return action => exact.has(action) || open.some(pieces => fits(pieces, action))
}

/** Looks each piece up behind the one before: time grows with the length of the text, whatever the pattern is. */
const fits = (pieces: readonly string[], text: string): boolean => {
  const [first = ''] = pieces
  const last = pieces.at(-1) ?? ''
  const end = text.length - last.length
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found < 0 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}
