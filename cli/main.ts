import { Command, CommanderError } from 'commander'

import { commandGroups } from './command-groups.ts'
import type { CliContext } from './context.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'

const manifest = { version: '0.1.0' }

const context: CliContext = {
  env: process.env,
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
}

// `chimera goal ls | head` closes the pipe when it has seen enough: that is no failure.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok)
    throw error
  })

const program = new Command('chimera')
  .description('Swarms of agents that may touch the world: once, and only as granted.')
  .version(manifest.version)
  .helpCommand(true)
  .showHelpAfterError('(--help shows what there is)')
  .configureOutput({
    writeOut: (text) => void process.stdout.write(text),
    writeErr: (text) => void process.stderr.write(text),
  })
  .exitOverride()
  .addHelpText(
    'after',
    '\nStart with:\n  chimera up\n  chimera goal post "publish a tweet: hello, world"',
  )

const args = process.argv.slice(2)
const word = args.find((argument) => !argument.startsWith('-')) ?? ''
const asked = args[0] === 'help' ? (args[1] ?? '') : word
const group = commandGroups.find((candidate) => Object.hasOwn(candidate.commands, asked))

try {
  if (group === undefined) {
    for (const { commands } of commandGroups)
      for (const [name, description] of Object.entries(commands))
        program.command(name).description(description)
  } else {
    await group.register(program, context)
  }
  if (args.length === 0) program.outputHelp()
  else await program.parseAsync(args, { from: 'user' })
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  // Help and version end by an exception too, with code 0; wrong usage has been told already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  const message = error instanceof Error ? error.message : String(error)
  if (message !== '') context.err(`chimera: ${message}`)
  return exitCodeOf(error)
}
