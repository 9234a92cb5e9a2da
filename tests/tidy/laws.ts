/** The laws of conventions sections 1, 2 and 5 as data. */

/** In lines of code: blank lines and lines of comment only are free. */
export const SIZES = { source: 300, main: 80, test: 500, function: 70 } as const

/** The widest line of a source. */
export const COLUMNS = 100

/** The most sources in one folder; the tests beside them are free. */
export const SOURCES_PER_FOLDER = 20

/** Drawers that take everything in and say nothing. */
export const BANNED_NAMES: readonly string[] = [
  'common',
  'core',
  'helper',
  'helpers',
  'index',
  'lib',
  'misc',
  'shared',
  'util',
  'utils',
]

/** Endings that a type's name does not get. */
export const BANNED_ENDINGS: readonly string[] = [
  'Manager',
  'Service',
  'Helper',
  'Base',
  'Impl',
  'Data',
  'Info',
]

/** Text that no file may hold. A pattern is written so that it does not find itself. */
export const BANNED_TEXT: readonly { what: string; pattern: RegExp }[] = [
  {
    what: "a skip without a reason (the test context's skip('why') gives one)",
    pattern: /\.(skip|run)(I)f\(/,
  },
  { what: 'a task left open without an issue number', pattern: /\b(TO[D]O|FIX[M]E)\b(?! ?\(?#\d)/ },
  {
    what: 'a path of one machine',
    pattern: /(?<![\w.}])\/(home|Users|root|work)\/(?!linuxbrew)\w/,
  },
  {
    what: 'the host of a package registry',
    pattern: /registry[.]\w+[.](com|org)|pypi[.]org|npmjs[.]org/,
  },
]
