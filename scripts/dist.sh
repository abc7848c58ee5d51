#!/bin/sh
# Makes a download that needs no JDK and no Maven: mvn -Pdist package runs it in app/target, when jlink has made target/dist/runtime.
# Usage: dist.sh VERSION
set -eu
version=$1
root=$(cd "$(dirname "$0")/.." && pwd -P)
target=$root/app/target
name=dynaxx-$version-linux-x64
home=$target/dist/$name

rm -rf "$home"
mkdir -p "$home/bin" "$home/app"
mv "$target/dist/runtime" "$home/runtime"
cp -p "$target/dynaxx-app.jar" "$home/app/"
cp -Rp "$target/lib" "$home/app/lib"
cp "$root/LICENSE" "$root/README.md" "$home/"
cp "$root/scripts/dynaxx-dist" "$home/bin/dynaxx"
chmod 755 "$home/bin/dynaxx"

# Classes as they are after loading and linking, from a command that goes through most of the program. Times of jars count to the second.
find "$home/app" -name '*.jar' -exec touch -d '2026-01-01T00:00:00Z' {} +
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
DYNAXX_JAVA_OPTS="-XX:AOTCacheOutput=$home/app/dynaxx.aot" "$home/bin/dynaxx" demo --steps 4 --every 2 --lanczos 6 --probes 2 \
  --subset 16 --no-certify --port 0 --out "$run/run" >/dev/null 2>&1 ||
  echo "dist: no AOT cache could be made; commands will start without one" >&2

tar -C "$target/dist" --owner=0 --group=0 --numeric-owner -czf "$target/$name.tar.gz" "$name"
echo "$target/$name.tar.gz"
