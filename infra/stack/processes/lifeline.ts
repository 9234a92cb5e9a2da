/**
 * Starts a foreign server so that it dies with this process, however this process dies. Node
 * gives the shell a pipe as stdin and never writes to it; when the last holder of the other end
 * is gone, the watcher reads end of file and signals the server. `wait` returns early when a trap
 * runs, hence the loop: the shell must outlive the server, or a stop would look finished while it
 * is still writing.
 */
const script = `
signal=$1; shift; exec 3<&0
"$@" </dev/null 3<&- & child=$!
trap 'kill -"$signal" "$child" 2>/dev/null' INT TERM HUP
(trap - INT TERM HUP; read -r _ <&3; kill -"$signal" "$child") >/dev/null 2>&1 & watcher=$!
exec 3<&-; wait "$child"; status=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
kill "$watcher" 2>/dev/null
exit "$status"
`

/**
 * The command and arguments that run `command` on a lifeline; `signal` is how it stops politely.
 */
export function onLifeline(
  signal: 'INT' | 'TERM',
  command: string,
  args: readonly string[],
): { command: string; args: string[] } {
  return { command: '/bin/sh', args: ['-c', script, 'chimera-lifeline', signal, command, ...args] }
}
