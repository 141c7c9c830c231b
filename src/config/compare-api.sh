#!/usr/bin/env bash
# Lists in dl4j-norm-layers/target/japicmp how the API differs from that of version 0.1.0, which was never published: builds it
# from its last commit, or from another one that is given, and has it in the local repository until the comparison is done.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
commit=${1:-e356c08}
work=$(mktemp -d)
# Maven colors what it prints here, too.
repository=$(mvn -q -f "$root/pom.xml" -N help:evaluate -Dexpression=settings.localRepository -DforceStdout \
  | sed 's/\x1b\[[0-9;]*m//g')
group=$repository/io/github/dl4jnorm
if [ -e "$group/dl4j-norm-layers/0.1.0" ]; then
  echo "version 0.1.0 is already installed: remove $group/dl4j-norm-layers/0.1.0 first" >&2
  exit 1
fi
restore() {
  rm -rf "$group"
  if [ -e "$work/group" ]; then mv "$work/group" "$group"; fi
  rm -rf "$work"
}
if [ -e "$group" ]; then cp -r "$group" "$work/group"; fi
trap restore EXIT
git clone -q --no-hardlinks "$root" "$work/old"
git -C "$work/old" checkout -q "$commit"
find "$work/old" -name pom.xml -exec sed -i 's/0\.1\.0-SNAPSHOT/0.1.0/' {} +
mvn -B -ntp -q -f "$work/old/pom.xml" install -DskipTests -pl dl4j-norm-layers -am
mvn -B -ntp -q -f "$root/pom.xml" -P release -pl dl4j-norm-layers -am verify -DskipTests
echo "Compared with 0.1.0: dl4j-norm-layers/target/japicmp/interface.html"
