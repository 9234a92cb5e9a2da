/** Martin Porter's second stemmer for English ("Porter2"), as Snowball and PostgreSQL have it. */

const VOWEL = '[aeiouy]'
const OTHER = '[^aeiouy]'
/** Of a double letter one is enough, but in `add`, `egg` and `off`. */
const DOUBLE = /(?<!^[aeo](?=dd$|ff$|gg$))(bb|dd|ff|gg|mm|nn|pp|rr|tt)$/
/** A vowel between two others at the end, the last of them none of these; or two letters alone. */
const SHORT_SYLLABLE = new RegExp(`(${OTHER}${VOWEL}[^aeiouywxY]|^${VOWEL}${OTHER})$`)
const HAS_VOWEL = new RegExp(VOWEL)
const REGION = new RegExp(`^.*?${VOWEL}${OTHER}`)
const BEGINNINGS = /^(gener|commun|arsen)/
const LI_ENDING = /[cdeghkmnrt]li$/

const WHOLE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    skis: 'ski',
    skies: 'sky',
    dying: 'die',
    lying: 'lie',
    tying: 'tie',
    idly: 'idl',
    gently: 'gentl',
    ugly: 'ugli',
    early: 'earli',
    only: 'onli',
    singly: 'singl',
  }),
)
const UNCHANGED = new Set('sky news howe atlas cosmos bias andes'.split(' '))
const UNCHANGED_LATER = new Set(
  'inning outing canning herring earring proceed exceed succeed'.split(' '),
)

/** Endings, the longest first, and what stands for them. */
const STEP_2: readonly (readonly [string, string])[] = [
  ['ization', 'ize'],
  ['ational', 'ate'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['iveness', 'ive'],
  ['tional', 'tion'],
  ['biliti', 'ble'],
  ['lessli', 'less'],
  ['entli', 'ent'],
  ['ation', 'ate'],
  ['alism', 'al'],
  ['aliti', 'al'],
  ['ousli', 'ous'],
  ['iviti', 'ive'],
  ['fulli', 'ful'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['abli', 'able'],
  ['izer', 'ize'],
  ['ator', 'ate'],
  ['alli', 'al'],
  ['bli', 'ble'],
]
const STEP_3: readonly (readonly [string, string])[] = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['alize', 'al'],
  ['icate', 'ic'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ness', ''],
  ['ful', ''],
]
const STEP_4 = 'ement ance ence able ible ment ant ent ism ate iti ous ive ize ion al er ic'.split(
  ' ',
)

/** The stem of one word in small letters. */
export function englishStem(word: string): string {
  const whole = WHOLE.get(word)
  if (whole !== undefined) return whole
  if (word.length < 3 || UNCHANGED.has(word)) return word
  let stem = word
    .replace(/^'/, '')
    .replace(/^y/, 'Y')
    .replaceAll(/(?<=[aeiouy])y/g, 'Y')
  const [r1, r2] = regionsOf(stem)
  stem = withoutPlural(stem)
  if (UNCHANGED_LATER.has(stem)) return stem
  stem = withoutPast(stem, r1).replace(/(?<=.[^aeiouy])[yY]$/, 'i')
  stem = shortened(stem, { r1, r2 })
  return withoutLastLetter(stem, { r1, r2 }).toLowerCase()
}

type Regions = Readonly<{ r1: number; r2: number }>

/** Where the regions begin in which endings are taken away. */
function regionsOf(word: string): [number, number] {
  const r1 = BEGINNINGS.exec(word)?.[0].length ?? REGION.exec(word)?.[0].length ?? word.length
  const r2 = r1 + (REGION.exec(word.slice(r1))?.[0].length ?? word.length - r1)
  return [r1, r2]
}

/** Step 1a. */
function withoutPlural(word: string): string {
  const base = word.replace(/('s'|'s|')$/, '')
  if (base.endsWith('sses')) return base.slice(0, -2)
  if (/(ied|ies)$/.test(base)) return base.slice(0, base.length > 4 ? -2 : -1)
  if (/(us|ss)$/.test(base)) return base
  return /[aeiouy].+s$/.test(base) ? base.slice(0, -1) : base
}

/** Step 1b. */
function withoutPast(word: string, r1: number): string {
  const eed = /(eedly|eed)$/.exec(word)
  if (eed !== null) return eed.index >= r1 ? `${word.slice(0, eed.index)}ee` : word
  const ending = /(ingly|edly|ing|ed)$/.exec(word)
  if (ending === null) return word
  const base = word.slice(0, ending.index)
  if (!HAS_VOWEL.test(base)) return word
  if (/(at|bl|iz)$/.test(base)) return `${base}e`
  if (DOUBLE.test(base)) return base.slice(0, -1)
  if (/^[aeo](dd|ff|gg)$/.test(base)) return base
  return r1 >= base.length && SHORT_SYLLABLE.test(base) ? `${base}e` : base
}

/** Steps 2 to 4. */
function shortened(word: string, { r1, r2 }: Regions): string {
  let stem = replaced(word, STEP_2, r1)
  if (stem === word) {
    const at = word.length - 3
    if (word.endsWith('logi') && at >= r1) stem = word.slice(0, -1)
    else if (LI_ENDING.test(word) && word.length - 2 >= r1) stem = word.slice(0, -2)
  }
  const third = replaced(stem, STEP_3, r1)
  if (third !== stem) stem = third
  else if (stem.endsWith('ative') && stem.length - 5 >= r2) stem = stem.slice(0, -5)
  const ending = STEP_4.find((one) => stem.endsWith(one))
  if (ending === undefined || stem.length - ending.length < r2) return stem
  const base = stem.slice(0, -ending.length)
  return ending === 'ion' && !/[st]$/.test(base) ? stem : base
}

/** With the longest ending that fits, where it lies in the region. */
function replaced(
  word: string,
  endings: readonly (readonly [string, string])[],
  from: number,
): string {
  const found = endings.find(([ending]) => word.endsWith(ending))
  if (found === undefined) return word
  const at = word.length - found[0].length
  return at >= from ? word.slice(0, at) + found[1] : word
}

/** Step 5. */
function withoutLastLetter(word: string, { r1, r2 }: Regions): string {
  const at = word.length - 1
  const base = word.slice(0, -1)
  if (word.endsWith('e') && (at >= r2 || (at >= r1 && !SHORT_SYLLABLE.test(base)))) return base
  return word.endsWith('ll') && at >= r2 ? base : word
}
