const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#xD;',
}

/** A carriage return would be read back as a line feed if it stood there as itself. */
export const escapeXml = (text: string): string => text.replace(/[&<>"\r]/g, char => entities[char] ?? char)

/** An element with text, which is escaped, or with children, which are elements already. */
export const element = (
  name: string,
  content: string | number | readonly string[],
  attributes: Readonly<Record<string, string>> = {},
): string => {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
  const inner = typeof content === 'object' ? content.join('') : escapeXml(String(content))
  return `<${name}${written.join('')}>${inner}</${name}>`
}
