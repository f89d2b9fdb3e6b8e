import type { Terminal } from './terminal.ts'

/** Columns as wide as their widest cell, a bold head, two spaces between. */
export const tableOf = (
  head: readonly string[],
  rows: readonly (readonly string[])[],
  terminal: Pick<Terminal, 'style'>,
): string[] => {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map(row => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === cells.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')
  return [terminal.style('bold', line(head)), ...rows.map(line)]
}
