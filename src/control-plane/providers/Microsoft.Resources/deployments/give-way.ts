/** Lets others have their turn: the database answers at once, so that long work would let no request be heard before its end. */
export const giveWay = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
