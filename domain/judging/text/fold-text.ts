/**
 * Letters of other scripts that look like Latin ones, and signs that look like a dot, a slash, an @
 * or a $. NFKD has dealt with wide, circled and mathematical letters before.
 */
const PAIRS = [
  'аa вb еe кk мm нh оo рp сc тt уy хx ѕs іi јj ԁd ԛq ԝw һh ӏl гr ьb пn АA ВB ЕE КK МM',
  'НH ОO РP СC ТT УY ХX ЅS ІI ЈJ αa βb εe ηn ιi κk νv οo ρp τt υu χx ωw γy ΑA ΒB ΕE ΖZ',
  'ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ıi łl øo đd ħh ɡg ɑa ɩi ꓸ. 。. ．. ｡. ․. ·. •. ∙. ⋅. ۔.',
  '⸱. ⁄/ ∕/ ⧸/ ╱/ 〳/ ：: ∶: ꞉: ˸: ＠@ ﹫@ ＄$ ﹩$ ‐- ‑- ‒- –- —- −-',
]
const LOOK_ALIKES = new Map(
  PAIRS.flatMap((line) => line.split(' ')).map(([sign = '', plain = '']) => [sign, plain]),
)
const LOOK_ALIKE = new RegExp(`[${[...LOOK_ALIKES.keys()].join('')}]`, 'gu')

/** What nobody sees: zero-width characters, soft hyphens, turns of direction. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu

/**
 * A text as a reader takes it, whatever it is spelled with: compatibility forms and look-alikes
 * become plain letters, marks on letters and what nobody sees are gone. For looking only: it is
 * never sent, hashed or compared with a text that is. Idempotent.
 */
export function foldText(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(UNSEEN, '')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(LOOK_ALIKE, (sign) => LOOK_ALIKES.get(sign) ?? sign)
    .normalize('NFC')
}
