/** Tells a person, in whole sentences, what the stack is doing. Goes to stderr. */
export type StackLog = (sentence: string) => void
