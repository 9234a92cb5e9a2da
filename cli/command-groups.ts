import type { Command } from 'commander'

import type { CliContext } from './context.ts'

/** Commands that are loaded together, and only when one of them is asked for. */
export type CommandGroup = Readonly<{
  /** First words of the command line, and what the top-level help says of each. */
  commands: Readonly<Record<string, string>>
  register: (program: Command, context: CliContext) => Promise<void>
}>

export const commandGroups: readonly CommandGroup[] = [
  {
    commands: {
      up: 'start everything on this machine and watch over it',
      down: 'stop what `up` started',
      status: 'what runs, where it is and what it has to do',
      logs: 'what the processes have said',
      doctor: 'check this machine, and say how to mend what is wrong',
    },
    register: async (program, context) => {
      const { registerStackCommands } = await import('./commands/stack/stack-commands.ts')
      registerStackCommands(program, context)
    },
  },
  {
    commands: {
      goal: 'post, list, show, watch, pause, resume and cancel goals',
      task: 'show tasks',
      effect: 'list and show effects',
      approval: 'list what waits for a person, and decide it',
      stop: 'let nothing more happen in the world',
      resume: 'end a stop',
      policy: 'show, check, try and replace the rules of what agents may do',
      kill: 'show, raise and lower the kill level of the house',
      budget: 'show and set what may be spent',
      dead: 'list, show and replay dead letters',
      tenant: 'make, list, pause and resume tenants',
      user: 'make, change, list, pause and resume users and their roles',
      agent: 'make, change, list, pause and resume agents',
      campaign: 'make, change, list, pause, resume and complete campaigns',
      token: "make, list and revoke the gateway's tokens",
      media: 'keep and list images that tweets may carry',
      memory: 'search, list, show and forget what agents remember',
      router: 'show, try, open and close the circuits of models',
      registry: 'list, add and remove rows of the address book',
      persona: 'list, show, check and pin personas',
      tools: 'list tool servers and read their ledgers',
      database: "migrate the record's database, show its state, dump its schema",
      'crash-points': 'list the places where a process can be told to die',
    },
    register: async (program, context) => {
      const { registerOperatorCommands } = await import('./commands/operator-commands.ts')
      registerOperatorCommands(program, context)
    },
  },
  {
    commands: {
      backup: 'copy the record and the ledgers into a folder',
      restore: 'put a backup in the place of the record; starts stopped',
    },
    register: async (program, context) => {
      const { registerBackupCommands } = await import('./commands/backup/backup-commands.ts')
      registerBackupCommands(program, context)
    },
  },
  {
    commands: { eval: 'score the rules, or a model, on the sixty goals of this checkout' },
    register: async (program, context) => {
      const { registerEvalCommands } = await import('./commands/eval/eval-commands.ts')
      registerEvalCommands(program, context)
    },
  },
  {
    commands: {
      test: 'run every test of this checkout, with its own servers',
      check: 'types, lint, format, dead code and the unit tests of this checkout',
    },
    register: async (program, context) => {
      const { registerTestCommands } = await import('./commands/test/test-commands.ts')
      registerTestCommands(program, context)
    },
  },
]
