/** The time between two ISO dates as Azure tells durations: `PT1M2.5S`. */
export const durationBetween = (start: string, end: string): string => {
  const ms = Math.max(0, Date.parse(end) - Date.parse(start))
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor(ms / 60_000) % 60
  const seconds = (ms % 60_000) / 1000
  return `PT${hours > 0 ? `${hours}H` : ''}${minutes > 0 ? `${minutes}M` : ''}${seconds}S`
}
