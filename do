#!/bin/sh
# Everything one does with this repository, from a bare Debian on. Needs sh and apt.
set -eu
cd "$(dirname "$0")"
# Name servers lie in sbin, which ordinary users do not search; a bare environment has no PATH at all.
export PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"

BUILD_PACKAGES="build-essential cmake ninja-build pkg-config liburing-dev libc-ares-dev libssl-dev
	libldns-dev libyaml-dev libjansson-dev"
# Some of the name servers would start as daemons; install_packages() sees to it that they do not.
TEST_PACKAGES="clang libclang-rt-14-dev libcmocka-dev python3 python3-dnspython
	bind9 bind9-dnsutils bind9-utils knot knot-dnsutils ldnsutils unbound nsd
	scdoc mandoc musl-tools dnsperf shellcheck cppcheck valgrind curl lego pebble openssl
	dnsmasq-base dbus-daemon iproute2 python3-yaml libcurl4-openssl-dev passt"

# Whom the bench compares with, and what counts system calls. Peers that are not there are left out.
BENCH_PACKAGES="gdnsd pdns-server pdns-backend-bind dnsdist linux-perf strace"

help() {
	cat <<'HELP'
./do run [ARGUMENTS]       install what is missing, build, and serve (mist serve ARGUMENTS)
./do test                  install, build, run every test on both engines
./do build                 install what is missing, build
./do install [PREFIX]      build, then install program, library and manual (/usr/local)
./do lint                  static checks
./do fuzz [TARGET [RUNS]]  fuzz one target, or all (100,000 runs each)
./do sanitize              every test under AddressSanitizer and UBSan, the threads' under TSan
./do long [--resume] [PART ...]  what takes hours, or parts of it (./do long help says which); with
                           --resume those that have not passed on this very code yet
./do bench [ARGUMENTS]     measure against other servers (bench/run --help)
./do bench changes [ARGUMENTS]  zones that change while they serve (bench/changes --help)
./do ci                    what continuous integration runs
HELP
}

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf './do: %s\n' "$*" >&2; exit 1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo "$@"
	else die "this needs root, and there is no sudo: $*"
	fi
}

# missing_of PACKAGES: those that are not installed
missing_of() {
	for package in "$@"; do
		state=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
		case $state in ii*) ;; *) printf '%s ' "$package" ;; esac
	done
}

# install_packages PACKAGES: does nothing when all are there. Debian's name servers would start a
# daemon on port 53 of the user's machine; policy-rc.d forbids it for as long as the installation
# takes, and only if the machine has no policy of its own.
install_packages() {
	command -v dpkg-query >/dev/null || { say "no dpkg here: taking what is installed"; return 0; }
	# shellcheck disable=SC2086,SC2048
	missing=$(missing_of $*)
	[ -n "$missing" ] || return 0
	say "installing $missing"
	# shellcheck disable=SC2086,SC2016
	as_root sh -c '
		policy=/usr/sbin/policy-rc.d
		if [ ! -e $policy ]; then
			trap "rm -f $policy" EXIT
			trap "exit 1" HUP INT TERM
			printf "#!/bin/sh\nexit 101\n" >$policy
			chmod 755 $policy
		fi
		export DEBIAN_FRONTEND=noninteractive
		ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt-get -q update
		apt-get -q -y install --no-install-recommends "$@" || {
			apt-get -q update && apt-get -q -y install --no-install-recommends "$@"
		}' sh $missing >&2 </dev/null || die "installation failed"
}

# configure DIRECTORY [OPTIONS]
configure() {
	directory=$1
	shift
	mkdir -p "$directory"
	cmake -G Ninja -S . -B "$directory" "$@" >"$directory/configure.log" 2>&1 || {
		cat "$directory/configure.log" >&2
		die "cmake failed"
	}
}

# compile DIRECTORY [TARGETS]
compile() {
	say "building $1"
	ninja -C "$@" >"$1/build.log" 2>&1 || {
		cat "$1/build.log" >&2
		die "the build failed"
	}
}

# Warnings are errors where nobody is kept from working by them.
if [ -n "${CI:-}" ]; then WERROR=ON; else WERROR=OFF; fi

# build_plain TESTS [BENCH]
build_plain() { configure build -DTESTS="$1" -DBENCH="${2:-OFF}" -DWERROR=$WERROR && compile build; }
build_clang() { configure build-clang -DCMAKE_C_COMPILER=clang -DBENCH=ON -DWERROR=ON && compile build-clang; }
# Sanitized builds keep their assertions.
build_checked() { configure "$@" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g" && compile "$1"; }
build_asan() { build_checked build-asan -DSANITIZER="address,undefined"; }
build_tsan() { build_checked build-tsan -DSANITIZER=thread; }
build_fuzz() {
	build_checked build-fuzz -DCMAKE_C_COMPILER=clang -DTESTS=OFF -DFUZZ=ON -DSANITIZER="address,undefined"
}

# Sanitizers end a program at the first finding, with a code no test expects.
export ASAN_OPTIONS="${ASAN_OPTIONS:-abort_on_error=0:exitcode=86:detect_leaks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:exitcode=66}"

# The tests where threads meet: they run under ThreadSanitizer.
THREADED="core/test_publisher|forward/test_cache|dnssec/test_sign|transfer/|net/|sidecar/|system/test_(server|forward|update)"

# Counts of several runs, added up by total().
tally=
tally_begin() { tally=$(mktemp) && trap 'rm -f "$tally"' EXIT; }
tests() { tests/run.py "$@" --tally "$tally" || true; }
# step NAME COMMAND: a check that passes or fails as a whole
step() {
	name=$1
	shift
	say "$name"
	if ("$@") >"$tally.out" 2>&1; then echo "1 0" >>"$tally"; echo "ok     $name"
	else echo "0 1" >>"$tally"; tail -n 60 "$tally.out"; echo "FAILED $name"
	fi
	rm -f "$tally.out"
}
total() {
	awk '{ passed += $1; failed += $2 }
		END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' "$tally"
}

# sanitize [--engine ENGINE]
sanitize() {
	step "build with AddressSanitizer and UBSan" build_asan
	tests build-asan --timeout 900 "$@"
	step "build with ThreadSanitizer" build_tsan
	tests build-tsan --only "$THREADED" --timeout 600
}

# fuzz_one TARGET FLAGS
fuzz_one() {
	target=$1
	shift
	corpus=$PWD/build-fuzz/corpus/$target
	mkdir -p "$corpus" "build-fuzz/findings"
	seeds=
	[ -d "fuzz/seeds/$target" ] && seeds=$PWD/fuzz/seeds/$target
	[ -f "fuzz/$target.dict" ] && set -- "-dict=$PWD/fuzz/$target.dict" "$@"
	# shellcheck disable=SC2086
	(cd build-fuzz && "./$target" -timeout=10 -rss_limit_mb=2048 -max_len=65535 -print_final_stats=1 \
		-artifact_prefix="findings/$target-" "$@" "$corpus" $seeds)
}
fuzz_targets() {
	for source in fuzz/fuzz_*.c; do
		[ -e "$source" ] && basename "$source" .c
	done
}

check_shell() { shellcheck ./do ./.ci/run docs/deploy/docker/rootfs; }
check_c() {
	cppcheck -j "$(nproc)" --quiet --std=c11 --language=c --enable=warning,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppressions-list=tests/cppcheck.txt --include=tests/cppcheck.h -I . -I include core dnssec forward content transfer net control launch cli sidecar bench
}
check_manual() {
	for page in build/*.[1578]; do
		[ -e "$page" ] || continue
		mandoc -T lint -W error "$page" || return 1 # scdoc writes empty paragraphs, a warning each
	done
}
lint() {
	step "shellcheck" check_shell
	step "cppcheck" check_c
	step "manual pages" check_manual
}
check_arrows() { (cd tests/system && /usr/bin/python3 -m unittest -v test_arrows); }

# ---- ./do long: parts, each a function long_NAME

LONG_PARTS="suite edits cuts clock versions models registry registrations fuzz"
long_help() {
	cat <<'HELP'
suite          every test with its full counts, but those that are parts of their own
edits          1,000 random edits: Knot, NSD and BIND as secondaries of ours, and ours as one of each
cuts           transfers cut at every octet of 20 kB; a secondary killed 210 times
clock          edits while the clock goes from -30 to +400 days
versions       commits and questions, a minute: no answer mixes two versions
models         8 threads that edit, register, look up, compared with models: 10 minutes with ASan, 10 with TSan
registry       registrations against what owners wish, with ASan and with TSan
registrations  100,000 names registered and taken back: the memory comes back
fuzz           ten million runs of each fuzz target
HELP
}
LONG_APART="system/test_(followers|secondary|secondary_cuts|clock)( |$)"

long_suite() { build_plain ON ON && tests build --timeout 7200 --only "^(?!$LONG_APART)"; }
long_edits() { build_plain ON ON && tests build --timeout 7200 --only "system/test_(followers|secondary) "; }
long_cuts() { build_plain ON ON && tests build --timeout 3600 --only "test_secondary_cuts|transfer/test_primary"; }
long_clock() { build_plain ON ON && tests build --timeout 3600 --only "test_clock"; }
long_versions() { build_plain ON ON && step "versions, a minute" env MIST_SOAK_S=60 build/net_test_soak versions; }
# sanitized COMMAND...: with each sanitizer; the program is of its build
sanitized() {
	what=$1
	shift
	step "build with AddressSanitizer and UBSan" build_asan
	step "build with ThreadSanitizer" build_tsan
	for kind in asan tsan; do step "$what, $kind" env PATH="$PWD/build-$kind:$PATH" "$@"; done
}
long_models() { sanitized "models, ten minutes" MIST_SOAK_S=600 net_test_soak models; }
long_registry() { sanitized "registrations against wishes" MIST_REGISTRY_ROUNDS=20000 net_test_registry_crowd; }
long_registrations() { build_plain ON ON && step "100,000 registrations" build/bench_registrations; }
long_fuzz() {
	build_fuzz
	for target in $(fuzz_targets); do step "$target, ten million runs" fuzz_one "$target" -runs=10000000; done
}

# Says which code this is, changes that are not committed included. Without git: never the same.
code() {
	if git rev-parse HEAD >/dev/null 2>&1; then { git rev-parse HEAD && git diff HEAD; } | sha256sum
	else date +%s%N
	fi
}

# long [--resume] [PARTS]. What came of a part lies in build/long/PART, and in PART.code on which code it passed.
long() {
	resume=
	[ "${1:-}" != --resume ] || { resume=1 && shift; }
	# shellcheck disable=SC2086
	[ $# -gt 0 ] || set -- $LONG_PARTS
	for part in "$@"; do
		case " $LONG_PARTS " in *" $part "*) ;; *) die "no such part: $part (./do long help)" ;; esac
	done
	everything_installed
	export MIST_LONG=1
	results=build/long
	mkdir -p "$results"
	code=$(code)
	at=0
	for part in "$@"; do
		at=$((at + 1))
		tally=$results/$part
		if [ -n "$resume" ] && [ "$code" = "$(cat "$tally.code" 2>/dev/null)" ]; then
			say "$part ($at of $#): passed before"
			continue
		fi
		say "$part ($at of $#), $(date +%H:%M:%S)"
		rm -f "$tally.code" && : >"$tally"
		"long_$part"
		if total; then echo "$code" >"$tally.code"; fi
	done
	say "all $# parts"
	tally=$results/all
	(cd "$results" && cat "$@") >"$tally"
	total
}

run() {
	# shellcheck disable=SC2086
	install_packages $BUILD_PACKAGES
	build_plain OFF
	say "serving; end with Ctrl-C"
	exec build/mist serve "$@"
}

# systemd-resolved is only laid out, for the tests to run it in a network of their own: installed, it would take
# over the machine's /etc/resolv.conf.
unpack_resolved() {
	[ -e /lib/systemd/systemd-resolved ] || [ -e build/resolved ] || ! command -v apt-get >/dev/null && return 0
	mkdir -p build
	(cd build && apt-get -q download systemd-resolved && dpkg -x systemd-resolved_*.deb resolved) >/dev/null 2>&1 ||
		say "systemd-resolved cannot be had; its tests are skipped"
}

# node_packages: Node.js where there is none; many have one from elsewhere
node_packages() { command -v node >/dev/null || echo nodejs npm; }

everything_installed() {
	# shellcheck disable=SC2086,SC2046
	install_packages $BUILD_PACKAGES $TEST_PACKAGES $(node_packages)
	unpack_resolved
}

verb=${1:-help}
[ $# -gt 0 ] && shift
case $verb in
run) run "$@" ;;
build)
	# shellcheck disable=SC2086
	install_packages $BUILD_PACKAGES
	build_plain OFF
	echo "build/mist"
	;;
test)
	everything_installed
	build_plain ON ON
	exec tests/run.py build "$@"
	;;
bench)
	everything_installed
	# shellcheck disable=SC2086
	install_packages $BENCH_PACKAGES
	build_plain OFF ON
	program=bench/run
	[ "${1:-}" != changes ] || { program=bench/changes && shift; }
	exec env MIST_BIN="$PWD/build/mist" "$program" "$@"
	;;
install)
	# shellcheck disable=SC2086
	install_packages $BUILD_PACKAGES
	build_plain OFF
	prefix=${1:-/usr/local}
	mkdir -p "$prefix" 2>/dev/null || true
	if [ -w "$prefix" ]; then cmake --install build --prefix "$prefix"
	else as_root cmake --install build --prefix "$prefix"
	fi
	case $prefix in /usr | /usr/local) as_root ldconfig ;; esac
	;;
lint)
	everything_installed
	build_plain ON
	tally_begin
	step "include arrows" check_arrows
	lint
	total
	;;
fuzz)
	everything_installed
	build_fuzz
	runs=${2:-100000}
	if [ "${1:-all}" != all ]; then
		fuzz_one "$1" "-runs=$runs"
	else
		tally_begin
		for target in $(fuzz_targets); do step "$target, $runs runs" fuzz_one "$target" "-runs=$runs"; done
		total
	fi
	;;
sanitize)
	everything_installed
	tally_begin
	sanitize
	total
	;;
long)
	if [ "${1:-}" = help ]; then long_help; else long "$@"; fi
	;;
ci)
	tally_begin
	./do test --tally "$tally" || [ -s "$tally" ] || echo "0 1" >"$tally"
	step "clang, warnings are errors" build_clang
	step "bench, quick" env MIST_BIN="$PWD/build/mist" bench/run --quick
	step "10,000 registrations" build/bench_registrations --names 10000
	sanitize --engine epoll # the engines differ in little but system calls; time is short here
	step "fuzz targets" build_fuzz
	for target in $(fuzz_targets); do # about a minute for all
		step "$target, 8 seconds" fuzz_one "$target" -max_total_time=8
	done
	lint
	total
	;;
help | -h | --help) help ;;
*)
	help >&2
	die "no such verb: $verb"
	;;
esac
