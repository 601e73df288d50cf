# Runs one server for a test process, which holds the other end of standard input and sends
# commands through it, one a line. Each is answered by a line with its exit status. When the input
# ends, however that came about, the server and its folder go.
#
# Arguments: the options of `postgres`. The working folder is the server's.

# Ctrl-C and its like are the test process's affair; so is a reply that nobody reads any more.
trap '' HUP INT PIPE TERM
exec 2>>log
mkfifo alive
# The server's process, while there is one.
server=

# Process, state and parent of all that runs on this machine.
all_processes() {
  if [ -e /proc/$$/stat ]; then
    cut -d ' ' -f 1,3,4 /proc/[0-9]*/stat
  else
    ps -A -o pid= -o stat= -o ppid=
  fi
} 2>/dev/null

# Sends a signal to the server and to its children, which are in sessions of their own. The first
# is stopped before the others are looked for, so that it makes no more of them.
signal_all() {
  kill -STOP "$server"
  children=$(all_processes | while read -r pid state parent; do
    [ "$parent" != "$server" ] || echo "$pid"
  done)
  kill -"$1" $children "$server"
}

# Whether the server that was started last says that it takes connections.
is_ready() {
  pid= status=
  while read -r line; do
    pid=${pid:-$line} status=$line
  done <data/postmaster.pid
  [ "$pid $status" = "$server ready" ]
} 2>/dev/null

# Whether the server runs. `jobs` collects a dead child, to which `kill -0` would still answer.
is_running() {
  jobs >/dev/null
  kill -0 "$server"
} 2>/dev/null

# Waits until nothing is left of the server: each of its processes holds `alive` open.
await_end() {
  wait "$server"
  read -r _ <&8
  exec 8<&-
  server=
}

start() {
  postgres "$@" 9>alive </dev/null >>log &
  server=$!
  exec 8<alive
  tries=6000
  until is_ready; do
    tries=$((tries - 1))
    if ! is_running || [ "$tries" = 0 ]; then
      signal_all KILL
      await_end
      return 1
    fi
    sleep 0.01
  done
}

while read -r command; do
  case $command in
    init)
      initdb --pgdata=data --username=proctor --auth=trust --encoding=UTF8 --locale=C --no-sync \
        </dev/null >>log
      ;;
    start) [ -n "$server" ] || start "$@" ;;
    stop)
      [ -z "$server" ] || {
        signal_all CONT
        kill -INT "$server"
        await_end
      }
      ;;
    kill)
      [ -z "$server" ] || {
        signal_all KILL
        await_end
      }
      ;;
    freeze) [ -z "$server" ] || signal_all STOP ;;
    thaw) [ -z "$server" ] || signal_all CONT ;;
    reload) [ -z "$server" ] || kill -HUP "$server" ;;
    *) false ;;
  esac
  echo "$?"
done

[ -z "$server" ] || {
  signal_all KILL
  await_end
}
folder=$PWD
cd / && rm -rf -- "$folder"
