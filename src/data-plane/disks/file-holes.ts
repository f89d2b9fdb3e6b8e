import { spawn } from 'node:child_process'
import { loadNative, type Native } from '#data-plane/native/load-native.ts'
import type { Extent } from '#foundation/sparse-bytes.ts'

// lseek(2) with SEEK_DATA and SEEK_HOLE is what Node lacks. The native kernel has it. So has perl, which is part of Debian's base
// and of macOS, and gets the open file itself, so that no path is followed twice. The two constants are swapped on macOS; ENXIO (6) says "only a hole from here".
const [seekData, seekHole] = process.platform === 'darwin' ? [4, 3] : [3, 4]
const script = `
open(my $file, '<&=', 3) or exit 1;
my ($at, $end) = (0, $ARGV[0]);
while ($at < $end) {
  my $data = sysseek($file, $at, ${seekData});
  if (!defined $data) { exit 1 if $! != 6; last }
  last if $data >= $end;
  my $hole = sysseek($file, $data, ${seekHole});
  exit 1 unless defined $hole;
  printf "%.0f %.0f\\n", $data, $hole;
  $at = $hole;
}
print "end\\n";`

const maxListBytes = 16 * 2 ** 20
const timeoutMs = 20_000

/** Pieces that are asked for in one call of the native kernel: the thread that asks has others to serve. */
const piecesAtOnce = 256
const mostPieces = 2 ** 20

/**
 * Where the open file has data. Where nobody can tell, or it takes too long or finds too many pieces, what is left counts as data:
 * slower to read, never wrong.
 */
export const fileExtents = async (fd: number, sizeBytes: number, native = loadNative()): Promise<Extent[]> =>
  (typeof native === 'string' ? undefined : await extentsByKernel(native, fd, sizeBytes)) ??
  (await extentsByPerl(fd, sizeBytes))

/** Undefined if this system or file system does not tell. */
const extentsByKernel = async (native: Native, fd: number, sizeBytes: number): Promise<Extent[] | undefined> => {
  const extents: Extent[] = []
  const pairs = new Float64Array(2 * piecesAtOnce)
  let at = 0
  for (let count = piecesAtOnce; count === piecesAtOnce; await new Promise(resolve => setImmediate(resolve))) {
    count = native.extents(fd, at, sizeBytes, pairs)
    if (count < 0) return undefined
    for (let i = 0; i < count; i++) {
      const [offset = 0, end = 0] = pairs.subarray(2 * i, 2 * i + 2)
      extents.push({ offset, length: Math.min(end, sizeBytes) - offset })
      at = end
    }
    if (extents.length >= mostPieces && at < sizeBytes) return [...extents, { offset: at, length: sizeBytes - at }]
  }
  return extents
}

const extentsByPerl = async (fd: number, sizeBytes: number): Promise<Extent[]> => {
  const extents: Extent[] = []
  let at = 0
  for (const line of (await listHoles(fd, sizeBytes)).split('\n').slice(0, -1)) {
    if (line === 'end') return extents
    const [start = Number.NaN, end = Number.NaN] = line.split(' ').map(Number)
    if (!(start >= at && start < sizeBytes && end > start)) break
    at = Math.min(end, sizeBytes)
    extents.push({ offset: start, length: at - start })
  }
  if (at < sizeBytes) extents.push({ offset: at, length: sizeBytes - at })
  return extents
}

/** The list as far as it came: a cut or missing one lacks its last line, `end`. */
const listHoles = (fd: number, sizeBytes: number): Promise<string> =>
  new Promise(resolve => {
    const lister = spawn('perl', ['-e', script, String(sizeBytes)], {
      stdio: ['ignore', 'pipe', 'ignore', fd],
      signal: AbortSignal.timeout(timeoutMs), // the option `timeout` keeps the process alive when perl is missing
      killSignal: 'SIGKILL',
      env: { PATH: process.env.PATH },
    })
    let list = ''
    lister.stdout?.setEncoding('latin1').on('data', (text: string) => {
      list += text
      if (list.length > maxListBytes) lister.kill('SIGKILL')
    })
    lister.on('error', () => resolve('')) // perl is not installed, or too slow
    lister.on('close', () => resolve(list))
  })
