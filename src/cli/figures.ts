const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const

const scaled = (bytes: number): { step: number; value: number } => {
  let step = 0
  let value = bytes
  while (value >= 1000 && step < units.length - 1) {
    value /= 1024
    step++
  }
  return { step, value }
}

const digits = (value: number): string => (value < 10 && !Number.isInteger(value) ? value.toFixed(1) : value.toFixed(0))

/** `512 MB`: units of 1024, as disk images are sized. */
export const sizeText = (bytes: number): string => {
  const { step, value } = scaled(bytes)
  return `${digits(value)} ${units[step]}`
}

/** `12 of 512 MB`: both in the unit of the whole. */
export const partText = (bytes: number, ofBytes: number): string => {
  const { step } = scaled(ofBytes)
  const unit = 1024 ** step
  const part = bytes / unit
  const shown = bytes > 0 && part < 0.1 ? 'under 0.1' : digits(part)
  return `${shown} of ${digits(ofBytes / unit)} ${units[step]}`
}

/** `210 MB/s`, or nothing where no time has passed. */
export const rateText = (bytes: number, elapsedMs: number): string =>
  elapsedMs < 1 || bytes === 0 ? '' : `${sizeText((bytes / elapsedMs) * 1000)}/s`

/** `340 ms`, `4.2 s`, `12 s`, `3 min 20 s`. */
export const durationText = (elapsedMs: number): string => {
  if (elapsedMs < 1000) return `${Math.round(elapsedMs)} ms`
  const seconds = elapsedMs / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${seconds.toFixed(0)} s`
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}

export const countText = (count: number, noun: string): string =>
  `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
