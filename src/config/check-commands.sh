#!/usr/bin/env bash
# Runs every command of the documentation, as it is written there, in a fresh clone of this repository's last commit.
#
#   src/config/check-commands.sh [--list] [--from N] [--to N] [--clone DIR] [--limit SECONDS] [--through COMMAND]
#
# Commands are the lines of fenced blocks that begin with mvn or java, and arguments between backticks, -Dargs="…", which
# are those of the example. commands-left-out.txt says which are left out, or done in another form, and why. Those on Spark
# run on JDK 17 to 22 only.
#   --list      shows what would run, with numbers
#   --from, --to  only those numbers
#   --clone     where to clone to, and to keep; an existing clone is used as it is
#   --limit     seconds for each command; 1800
#   --through   a command that runs each of them, such as "nice -n 19"
# Prints exit code and seconds of each and fails if one fails.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
list=false from=1 to=100000 clone='' limit=1800 through=''
while [ $# -gt 0 ]; do
  case $1 in
    --list) list=true; shift ;;
    --from) from=$2; shift 2 ;;
    --to) to=$2; shift 2 ;;
    --clone) clone=$2; shift 2 ;;
    --limit) limit=$2; shift 2 ;;
    --through) through=$2; shift 2 ;;
    *) sed -n '2,16s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
done

documents() {
  (cd "$root" && ls README.md CONTRIBUTING.md SECURITY.md
   # In the order in which one reads them; later pages use what earlier ones wrote.
   for page in start install choosing examples models; do echo "src/site/markdown/$page.md"; done
   ls src/site/markdown/*.md | grep -vE '/(start|install|choosing|examples|models)\.md$')
}

# Lines "document<TAB>command", continued lines joined.
commands() {
  documents | while read -r document; do
    awk -v document="$document" '
      /^```/ { inside = !inside; next }
      inside && (continued || /^(mvn|java|src\/config\/)/) {
        line = $0
        sub(/^ +/, "", line)
        continued = sub(/ *\\$/, "", line)
        whole = whole == "" ? line : whole " " line
        if (!continued) { print document "\t" whole; whole = "" }
      }
      !inside {
        rest = $0
        while (match(rest, /`-Dargs="[^`]*"`/)) {
          print document "\tmvn -q -pl examples -am package -DskipTests exec:exec " substr(rest, RSTART + 1, RLENGTH - 2)
          rest = substr(rest, RSTART + RLENGTH)
        }
      }' "$root/$document"
  done | awk -F '\t' '!seen[$2]++'
}

# Lines "pattern | reason" or "pattern | reason | what runs instead"; the first that fits counts.
left_out() {
  while IFS='|' read -r pattern reason instead; do
    pattern=${pattern%"${pattern##*[! ]}"}
    case $pattern in ''|'#'*) continue ;; esac
    if [[ $1 == *"$pattern"* ]]; then
      reason=${reason# }
      echo "${reason%"${reason##*[! ]}"}|${instead# }"
      return
    fi
  done < "$here/commands-left-out.txt"
}

jdk=$("${JAVA_HOME:+$JAVA_HOME/bin/}java" -XshowSettings:properties -version 2>&1 |
  sed -n 's/^ *java.specification.version = //p')
if ! $list; then
  if [ -z "$clone" ]; then
    temporary=$(mktemp -d)
    trap 'rm -rf "$temporary"' EXIT
    clone=$temporary/clone
  fi
  [ -d "$clone" ] || git clone -q --no-hardlinks "$root" "$clone"
fi
number=0 ran=0 failed=0
while IFS=$'\t' read -r document command; do
  number=$((number + 1))
  if [ "$number" -lt "$from" ] || [ "$number" -gt "$to" ]; then continue; fi
  out=$(left_out "$command")
  instead=${out#*|}
  if [[ ${instead:-$command} == *"-P spark"* ]] && [ "$jdk" -gt 22 ]; then
    out="Spark runs on JDK 17 to 22, this is $jdk|" instead=''
  fi
  if [ -n "$out" ] && [ -z "$instead" ]; then
    printf '%3d  left out: %s\n     %s: %s\n' "$number" "${out%|*}" "$document" "$command"
    continue
  fi
  [ -z "$out" ] || printf '%3d  in another form: %s\n     %s: %s\n' "$number" "${out%|*}" "$document" "$command"
  run=${instead:-$command}
  if $list; then
    printf '%3d  %s: %s\n' "$number" "$document" "$run"
    continue
  fi
  log=$(mktemp)
  begin=$(date +%s)
  code=0
  # shellcheck disable=SC2086
  (cd "$clone" && $through timeout "$limit" bash -c "$run") > "$log" 2>&1 < /dev/null || code=$?
  printf '%3d  exit code %d, %d s  %s: %s\n' "$number" "$code" $(($(date +%s) - begin)) "$document" "$run"
  ran=$((ran + 1))
  if [ "$code" -ne 0 ]; then
    failed=$((failed + 1))
    tail -n 30 "$log" | sed 's/^/     > /'
  fi
  rm -f "$log"
done < <(commands)
$list || echo "$ran commands ran, $failed failed."
[ "$failed" -eq 0 ]
