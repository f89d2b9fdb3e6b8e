import { loadNative, type Native } from '#data-plane/native/load-native.ts'

/**
 * How one waits for clients that ask one thing after the other: awake, where the last question came soon. To be woken takes longer than
 * many an answer, most of all in a virtual machine.
 */
export type Vigil = Pick<Native, 'stayAwake' | 'wasAsked'>

const asleep: Vigil = { stayAwake: () => 0, wasAsked: () => 0 }

/** The native kernel's; without it one sleeps. */
export const usualVigil = (native = loadNative()): Vigil => (typeof native === 'string' ? asleep : native)
