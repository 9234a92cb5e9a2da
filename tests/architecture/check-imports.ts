import { isTest, type Package, type SourceTree } from '../source-tree.ts'
import { type Import, importsOf, packageOf, resolveRelative } from './imports.ts'
import {
  EXCEPTIONS,
  FENCES,
  type Fence,
  FLOORS,
  type Floor,
  UNBOUND,
  USED_WITHOUT_IMPORT,
} from './rules.ts'

/** Every import that breaks a rule, as a sentence with its place. */
export function checkImports(tree: SourceTree): string[] {
  return tree.sources
    .flatMap((source) => importsOf(source))
    .filter(({ file, specifier }) => !isExcepted(file, specifier))
    .flatMap((entry) => refusals(entry, tree).map((why) => `${entry.file}:${entry.line} ${why}`))
}

/** Every dependency that a manifest names and nothing of its package imports. */
export function checkUnused({ packages, sources }: SourceTree): string[] {
  return packages.flatMap(({ folder, name, dependencies }) => {
    const used = new Set(
      sources
        .filter(({ path }) => isIn(path, folder) && !isTest(path))
        .flatMap((source) => importsOf(source))
        .map(({ specifier }) => packageOf(specifier)),
    )
    return dependencies
      .filter((dependency) => !used.has(dependency))
      .filter((dependency) => !USED_WITHOUT_IMPORT.some((row) => fits(dependency, row.package)))
      .map((dependency) => `${folder}: ${name} declares ${dependency} and imports it nowhere`)
  })
}

function refusals(entry: Import, tree: SourceTree): string[] {
  const { specifier } = entry
  if (specifier.startsWith('.')) return relativeRefusals(entry, tree)
  if (specifier.startsWith('node:')) return builtinRefusals(entry)
  const target = tree.packages.find(({ name }) => name === packageOf(specifier))
  return [
    ...(target === undefined ? vendorRefusals(entry) : floorRefusals(entry, target)),
    ...undeclaredRefusals(entry, tree),
  ]
}

function relativeRefusals(entry: Import, { packages }: SourceTree): string[] {
  const { file, specifier } = entry
  const refused: string[] = []
  const target = resolveRelative(entry)
  if (homeOf(file, packages) !== homeOf(target, packages)) {
    refused.push(`leaves its package with '${specifier}'; floors are crossed by package name`)
  }
  if (!/\.(ts|json)$/.test(specifier)) refused.push(`writes '${specifier}' without its ending`)
  return refused
}

function builtinRefusals({ file, specifier }: Import): string[] {
  const allowed = isTest(file) ? undefined : floorOf(file)?.builtins
  if (allowed === undefined || allowed.includes(specifier)) return []
  return [`imports ${specifier}, which ${floorOf(file)?.folder ?? 'its floor'} may not`]
}

function floorRefusals({ file, specifier }: Import, target: Package): string[] {
  if (isIn(file, target.folder)) return [`names its own package in '${specifier}'; be relative`]
  const floor = floorOf(file)
  if (floor === undefined || floor.floors.some((folder) => folderFits(target.folder, folder))) {
    return []
  }
  return [`imports ${target.folder} ('${specifier}'), which ${floor.folder} may not`]
}

function vendorRefusals({ file, specifier }: Import): string[] {
  const vendor = packageOf(specifier)
  const refused: string[] = []
  const floor = floorOf(file)
  if (!isTest(file) && floor?.vendors !== undefined && !floor.vendors.includes(vendor)) {
    refused.push(`imports ${vendor}, which ${floor.folder} may not`)
  }
  for (const fence of FENCES) {
    if (fits(vendor, fence.vendor) && !isUnbound(file) && !isInside(file, fence)) {
      refused.push(`imports ${vendor}, which lives in ${fence.only.join(' and ')} only`)
    }
  }
  return refused
}

function undeclaredRefusals({ file, specifier }: Import, tree: SourceTree): string[] {
  const name = packageOf(specifier)
  const home = tree.packages.find(({ folder }) => isIn(file, folder))
  if (home === undefined || home.name === name || home.dependencies.includes(name)) return []
  if (isTest(file) && tree.tools.includes(name)) return []
  return [`imports ${name}, which the manifest of ${home.name} does not name`]
}

/** The package of a path, or its first folder when it is in none (`.` for a file at the root). */
function homeOf(path: string, packages: readonly Package[]): string {
  const home = packages.find(({ folder }) => isIn(path, folder))
  return home?.folder ?? (path.includes('/') ? path.slice(0, path.indexOf('/')) : '.')
}

function floorOf(file: string): Floor | undefined {
  return FLOORS.find(({ folder }) => folderFits(file, folder))
}

function isUnbound(file: string): boolean {
  return UNBOUND.some((folder) => (folder === '.' ? !file.includes('/') : isIn(file, folder)))
}

function isInside(file: string, { only }: Fence): boolean {
  return only.some((folder) => isIn(file, folder))
}

function isExcepted(file: string, specifier: string): boolean {
  return EXCEPTIONS.some((row) => row.file === file && row.specifier === specifier)
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

/** Whether the path is in the folder, of which a last `*` stands for any one folder. */
function folderFits(path: string, folder: string): boolean {
  if (!folder.endsWith('/*')) return isIn(path, folder)
  return isIn(path, folder.slice(0, -2)) && path.split('/').length >= folder.split('/').length
}

function fits(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
