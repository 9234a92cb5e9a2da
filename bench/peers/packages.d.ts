/**
 * What the programs of the peers use of packages that are installed only when a bench runs: written
 * by hand, so that the checkout is typed without them.
 */
declare module 'bullmq' {
  type Connection = { connection: { path: string; maxRetriesPerRequest: null } }
  type FlowJob = {
    name: string
    queueName: string
    data: { intent: string }
    opts?: object
    children?: FlowJob[]
  }
  export class FlowProducer {
    constructor(options: Connection)
    add(job: FlowJob): Promise<unknown>
    addBulk(jobs: FlowJob[]): Promise<unknown>
    close(): Promise<void>
  }
  export class Queue {
    constructor(name: string, options: Connection)
    addBulk(jobs: { name: string; data: { intent: string }; opts: object }[]): Promise<unknown>
    close(): Promise<void>
  }
  export class Worker {
    constructor(
      queue: string,
      process: (job: { name: string; data: { intent: string } }) => Promise<void>,
      options: Connection & { concurrency?: number },
    )
    on(event: 'error', listener: (error: Error) => void): this
    on(event: 'completed', listener: () => void): this
    waitUntilReady(): Promise<unknown>
    close(force?: boolean): Promise<void>
  }
}

declare module '@dbos-inc/dbos-sdk' {
  export const DBOS: {
    setConfig(config: {
      name: string
      systemDatabaseUrl: string
      applicationVersion: string
      logLevel: string
    }): void
    launch(): Promise<void>
    shutdown(): Promise<void>
    registerWorkflow(
      run: (intent: string) => Promise<void>,
      config: { name: string },
    ): (intent: string) => Promise<void>
    runStep(
      run: () => Promise<void>,
      config: { name: string; retriesAllowed?: boolean },
    ): Promise<void>
    startWorkflow(
      workflow: (intent: string) => Promise<void>,
      params: { workflowID: string },
    ): (intent: string) => Promise<unknown>
  }
}

declare module '@langchain/langgraph' {
  type Config = { configurable: { thread_id: string }; durability: 'sync' }
  type State = { intent: string }
  type Graph = { invoke(input: State | null, config: Config): Promise<unknown> }
  export const START: '__start__'
  export const END: '__end__'
  export const Annotation: { (): object; Root(fields: object): object }
  export class StateGraph {
    constructor(state: object)
    addNode(
      name: string,
      run: (state: State) => Promise<object>,
      options?: { retryPolicy?: { maxAttempts: number } },
    ): this
    addEdge(from: string, to: string): this
    compile(options: { checkpointer: object }): Graph
  }
}

declare module '@langchain/langgraph-checkpoint-postgres' {
  export class PostgresSaver {
    static fromConnString(url: string): PostgresSaver
    setup(): Promise<void>
    end(): Promise<void>
  }
}

declare module '@mastra/core' {
  export class Mastra {
    constructor(options: { storage: object; workflows: object; logger: false })
    restartAllActiveWorkflowRuns(): Promise<void>
    shutdown(): Promise<void>
  }
}

declare module '@mastra/core/workflows' {
  type Step = { id: string }
  type Input = { intent: string }
  type Run = { start(options: { inputData: Input }): Promise<unknown> }
  type Workflow = {
    then(step: Step): Workflow
    commit(): Workflow
    createRun(options: { runId: string }): Promise<Run>
  }
  export function createStep(options: {
    id: string
    inputSchema: object
    outputSchema: object
    execute: (given: { inputData: Input }) => Promise<Input>
  }): Step
  export function createWorkflow(options: {
    id: string
    inputSchema: object
    outputSchema: object
    retryConfig?: { attempts: number; delay: number }
  }): Workflow
}

declare module '@mastra/pg' {
  export class PostgresStore {
    constructor(options: { id: string; connectionString: string })
    init(): Promise<void>
    close(): Promise<void>
  }
}

declare module '@restatedev/restate-sdk' {
  type Context = { run(name: string, run: () => Promise<void>): Promise<void> }
  export function service(options: {
    name: string
    handlers: Record<string, (ctx: Context, intent: string) => Promise<void>>
  }): object
  export function serve(options: { services: object[]; port: number }): Promise<number>
}

declare module 'graphile-worker' {
  type Logger = object
  export const Logger: new (forScope: () => () => void) => Logger
  type Payload = { intent: string }
  type AddJob = (name: string, payload: Payload) => Promise<unknown>
  type Task = (payload: Payload, helpers: { addJob: AddJob }) => Promise<void>
  type Producer = {
    migrate(): Promise<void>
    addJob: AddJob
    addJobs(jobs: { identifier: string; payload: Payload }[]): Promise<unknown>
    release(): Promise<void>
  }
  export function makeWorkerUtils(options: {
    connectionString: string
    logger: Logger
  }): Promise<Producer>
  export function run(options: {
    connectionString: string
    noHandleSignals: boolean
    logger: Logger
    taskList: Record<string, Task>
    preset: { worker: object }
  }): Promise<{ stop(): Promise<void> }>
}
