/** Words of one key: a text, or two where a number decides. `{name}` stands for a value. */
export type Phrase = string | { readonly one: string; readonly other: string }
