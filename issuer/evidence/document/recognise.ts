import { type Box, type Image, rectangleMap } from '../image.ts'
import type { Model } from '../model.ts'
import { runOn } from '../preprocessing.ts'

/** A character as a recogniser saw it: the best reading with its probability, then what else it may be. */
export interface Character {
  readonly value: string
  readonly probability: number
  readonly alternatives: readonly { readonly value: string; readonly probability: number }[]
}

/** One line as it was read. */
export interface LineReading {
  readonly text: string
  readonly characters: readonly Character[]
  /** Mean probability of the characters. */
  readonly confidence: number
}

const MRZ_ALPHABET = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<']
const MRZ_HEIGHT = 32
const TEXT_HEIGHT = 48
const ALTERNATIVE = 0.001
const WHITE = 255
const BLANK = 0

/** Reads a crop with the network that knows only the characters of a machine-readable zone. */
export async function readMrzCrop(model: Model, image: Image, box: Box): Promise<LineReading> {
  const width = Math.max(16, Math.round((box.width / box.height) * MRZ_HEIGHT))
  const area = { width, height: MRZ_HEIGHT, outside: WHITE }
  const [output] = await runOn(model, image, rectangleMap(box, width, MRZ_HEIGHT), area)
  if (!output) throw new Error(`model ${model.id} has no output`)
  const [, classes = 0, steps = 0] = output.dims
  const probabilities = new Float32Array(output.data.length)
  for (let step = 0; step < steps; step++) {
    let peak = -Infinity
    for (let c = 0; c < classes; c++) {
      peak = Math.max(peak, output.data[c * steps + step] as number)
    }
    let sum = 0
    for (let c = 0; c < classes; c++) {
      const value = Math.exp((output.data[c * steps + step] as number) - peak)
      probabilities[step * classes + c] = value
      sum += value
    }
    for (let c = 0; c < classes; c++) {
      probabilities[step * classes + c] = (probabilities[step * classes + c] as number) / sum
    }
  }
  return greedy(probabilities, classes, MRZ_ALPHABET)
}

/** The general recogniser's classes, and where each belongs when only a machine-readable zone is looked for. */
export interface TextAlphabet {
  readonly characters: readonly string[]
  /** The classes that a zone may hold, each with the index of its character in a zone's alphabet and one more. */
  readonly zoneClasses: readonly (readonly [ofText: number, ofZone: number])[]
}

const FILLERS = '<«‹〈《く＜'

/** Reads the recogniser's alphabet, one character a line. */
export function textAlphabet(lines: string): TextAlphabet {
  const characters = [...lines.replace(/\n$/, '').split('\n'), ' ']
  const zoneClasses: (readonly [number, number])[] = [[BLANK, BLANK]]
  for (const [i, character] of characters.entries()) {
    const plain = FILLERS.includes(character)
      ? '<'
      : character.normalize('NFKC').replace('×', 'X').toUpperCase()
    const place = MRZ_ALPHABET.indexOf(plain)
    if (place >= 0) zoneClasses.push([i + 1, place + 1])
  }
  return { characters, zoneClasses }
}

/** Reads a crop with the general text recogniser. */
export async function readTextCrop(
  model: Model,
  alphabet: TextAlphabet,
  image: Image,
  box: Box,
): Promise<LineReading> {
  const { data, classes } = await runText(model, image, box)
  return greedy(data, classes, alphabet.characters)
}

/** Reads a crop with the general text recogniser, letting it see only what a machine-readable zone may hold. */
export async function readZoneCrop(
  model: Model,
  alphabet: TextAlphabet,
  image: Image,
  box: Box,
): Promise<LineReading> {
  const { data, classes } = await runText(model, image, box)
  const steps = data.length / classes
  const folded = new Float32Array(steps * (MRZ_ALPHABET.length + 1))
  for (let step = 0; step < steps; step++) {
    const from = step * classes
    const to = step * (MRZ_ALPHABET.length + 1)
    for (const [ofText, ofZone] of alphabet.zoneClasses) {
      folded[to + ofZone] = (folded[to + ofZone] as number) + (data[from + ofText] as number)
    }
  }
  return greedy(folded, MRZ_ALPHABET.length + 1, MRZ_ALPHABET)
}

async function runText(model: Model, image: Image, box: Box) {
  const width = Math.max(16, Math.round((box.width / box.height) * TEXT_HEIGHT))
  const area = { width, height: TEXT_HEIGHT, outside: WHITE }
  const [output] = await runOn(model, image, rectangleMap(box, width, TEXT_HEIGHT), area)
  if (!output) throw new Error(`model ${model.id} has no output`)
  return { data: output.data, classes: output.dims[2] ?? 1 }
}

/** Greedy CTC: the best class of each step, repeats joined, blanks (class 0) dropped. */
function greedy(
  probabilities: Float32Array,
  classes: number,
  alphabet: readonly string[],
): LineReading {
  const characters: Character[] = []
  let last = 0
  for (let start = 0; start < probabilities.length; start += classes) {
    let best = 0
    for (let c = 1; c < classes; c++) {
      if ((probabilities[start + c] as number) > (probabilities[start + best] as number)) best = c
    }
    if (best !== 0 && best !== last) {
      characters.push(characterAt(probabilities, start, classes, best, alphabet))
    }
    last = best
  }
  const sum = characters.reduce((total, { probability }) => total + probability, 0)
  return {
    text: characters.map(({ value }) => value).join(''),
    characters,
    confidence: characters.length > 0 ? sum / characters.length : 0,
  }
}

function characterAt(
  probabilities: Float32Array,
  start: number,
  classes: number,
  best: number,
  alphabet: readonly string[],
): Character {
  const alternatives: { value: string; probability: number }[] = []
  for (let c = 1; c < classes; c++) {
    const probability = probabilities[start + c] as number
    if (c !== best && probability > ALTERNATIVE) {
      alternatives.push({ value: alphabet[c - 1] ?? '', probability })
    }
  }
  alternatives.sort((p, q) => q.probability - p.probability)
  return {
    value: alphabet[best - 1] ?? '',
    probability: probabilities[start + best] ?? 0,
    alternatives,
  }
}
